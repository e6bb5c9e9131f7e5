"""Floor 4: decides whether a text may pass. Small checks with one signature in one visible order; an error blocks."""
