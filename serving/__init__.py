"""Floor 6: turns it on — settings, composition root, HTTP API, model endpoint client, command line."""

import os

# LangGraph reads this once, at import: without it a checkpoint may rebuild arbitrary types (CVE-2026-28277).
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
# pypinyin loads a quarter of a second's worth of phrases at import; names are heard character by character.
os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
