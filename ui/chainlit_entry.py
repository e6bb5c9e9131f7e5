"""Chainlit insists on loading a file. Everything is registered by `ui.chat` before it does."""
