"""Floor 4: computes something about an enterprise. One folder a job: `tool.py` (declaration), pure modules, data."""
