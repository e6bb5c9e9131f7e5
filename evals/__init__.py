"""Floor 7: suites that score the platform, through the same doors its users take."""
