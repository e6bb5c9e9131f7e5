"""Floor 1: the words everything is written in — clauses, citations, principals, quantities, errors. No I/O."""
