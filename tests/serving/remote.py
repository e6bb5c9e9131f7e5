"""Another MCP server in the hands of a test."""

import json
import sys
from pathlib import Path
from typing import Any

from serving.settings import McpServerSettings

PROGRAM = Path(__file__).with_name("remote_server.py")
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"], "additionalProperties": False}


def declared(name: str, description: str = "读一条笔记", schema: Any = TEXT) -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": schema}


def said(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}]}


class Remote:
    """The server's state, which can be changed at any time, and what it heard."""

    def __init__(self, folder: Path, name: str = "notes") -> None:
        self.name = name
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "state.json"
        self._state: dict[str, Any] = {"heard": str(folder / "heard"), "children": str(folder / "children")}
        self.set(tools=[declared("read")])

    def lists(self, answer: dict[str, Any]) -> None:
        """Answer the question for tools with `answer`, whatever it is."""
        self._state.pop("tools")
        self.set(list={"result": answer})

    def set(self, **changed: Any) -> None:
        self._state |= changed
        self._path.write_text(json.dumps(self._state), encoding="utf-8")

    def settings(self, **changed: Any) -> McpServerSettings:
        given = {"name": self.name, "command": [sys.executable, "-I", str(PROGRAM), str(self._path)], "timeout_s": 20}
        return McpServerSettings.model_validate(given | changed)

    @property
    def heard(self) -> list[list[Any]]:
        """Each call: name, arguments, names of its environment."""
        path = self.folder / "heard"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
