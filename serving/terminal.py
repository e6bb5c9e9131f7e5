"""What every command of `shuzhi` prints with: Chinese lines for people, or one JSON document."""

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON")]


def show(data: Any, as_json: bool, lines: Iterable[str]) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=2) if as_json else "\n".join(lines))
