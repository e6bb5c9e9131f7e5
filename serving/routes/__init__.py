"""HTTP routes, one file a resource (DESIGN §4.5)."""
