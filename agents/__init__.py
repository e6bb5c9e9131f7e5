"""Floor 5: decides what next — graph, nodes, prompts, the offline model. Receives models and stores, never builds them."""
