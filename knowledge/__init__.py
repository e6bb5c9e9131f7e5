"""Floor 2: what the standards and cases say, and finding it: catalogue, parsers, library, indexes, retrieval."""
