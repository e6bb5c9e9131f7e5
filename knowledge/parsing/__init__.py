"""Documents into addressable clauses: readers (bytes → blocks), grammar (blocks → tree of clauses), join (tree → catalogue ids)."""
