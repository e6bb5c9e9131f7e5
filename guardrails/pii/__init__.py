"""Personal data and enterprise identifiers in a text: numbers with their check digits, names, addresses, companies. Words are data."""
