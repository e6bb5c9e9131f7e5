"""Guided interviews (TISC-7.3.1): what was said, proposed, asked and decided on the way to a diagnosis, each as an event."""
