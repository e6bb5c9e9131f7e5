"""Measured work: each script prints one JSON line a figure, with its limit where the project has set one."""
