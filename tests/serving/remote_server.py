"""An MCP server in a process of its own, which behaves as a file says: `python remote_server.py STATE.json`.

The file is read again for every request, so that a test can change what the server says of itself.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def main(path: Path) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        state = json.loads(path.read_text(encoding="utf-8"))
        if "id" not in request:
            continue
        method, params = request["method"], request.get("params") or {}
        behave(state.get(f"at_{method.replace('/', '_')}", ""), state)
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"]} | answer(state, method, params)), flush=True)


def answer(state: dict[str, Any], method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method == "initialize":
        told = {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}}
        return {"result": told | {"serverInfo": {"name": "test", "version": "1"}}}
    if method == "tools/list":
        return {"result": {"tools": state["tools"]} if "tools" in state else state["list"]}
    with Path(state["heard"]).open("a", encoding="utf-8") as heard:
        heard.write(json.dumps([params["name"], params.get("arguments"), sorted(os.environ)]) + "\n")
    given = state.get("answers", {}).get(params["name"], {"content": [{"type": "text", "text": "好"}]})
    return given if "error" in given else {"result": given}


def behave(how: str, state: dict[str, Any]) -> None:
    if how == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(state["children"]).write_text(f"{os.getpid()} {child.pid}", encoding="utf-8")
        time.sleep(600)
    if how == "die":
        sys.exit(3)
    if how == "flood":
        sys.stdout.write("x" * 50_000_000)
        sys.stdout.flush()
    if how == "garbage":
        print("warning: this is no JSON", flush=True)
        print('{"jsonrpc": "1.0"}', flush=True)
        print('{"jsonrpc": "2.0", "method": "notifications/unknown", "params": {"x": "confidential"}}', flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
