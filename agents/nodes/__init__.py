"""The graph's nodes, one a file, in the order in which `graph.py` lists them."""
