"""Finding and showing clauses: retrieval as tools."""
