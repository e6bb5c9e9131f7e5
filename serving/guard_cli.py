"""`shuzhi guard`: what the guardrails make of a text, without asking the assistant. Loads no store."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import UserInputError

if TYPE_CHECKING:
    from guardrails.screens import Screens

DIRECTIONS = ("input", "output", "tool")


def guard(
    text: Annotated[str, typer.Argument(help="要检查的文字")] = "",
    direction: Annotated[str, typer.Option(help="input 用户输入；output 将要输出；tool 读到的资料")] = "input",
    batch: Annotated[Path | None, typer.Option(help="JSONL：每行 {id, text, direction}")] = None,
    out: Annotated[Path | None, typer.Option(help="结果写入的 JSONL")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """检查一段文字：放行、脱敏还是拦截，依据哪些规则。"""
    from serving.assembly import make_screens
    from serving.settings import load_settings

    screens = make_screens(load_settings(), report_all=True)
    if batch is None:
        row = judged(screens, {"text": text, "direction": direction}, "direction")
        shown = f"{row['action']}：{'、'.join(row['rules']) or '没有发现'}\n{row['text']}"
        typer.echo(json.dumps(row, ensure_ascii=False) if as_json else shown)
        return
    if out is None:
        raise UserInputError("没有说结果写到哪里", where="--out", cure="加上 --out 结果.jsonl")
    rows = [judged(screens, item, where) for where, item in _items(batch)]
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    blocked = sum(row["action"] == "block" for row in rows)
    summary = {"items": len(rows), "blocked": blocked, "out": str(out)}
    typer.echo(json.dumps(summary, ensure_ascii=False) if as_json else f"{len(rows)} 条，拦截 {blocked} 条，结果在 {out}")


def _items(path: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserInputError(f"读不了文件：{error}", where=str(path), cure="给出 UTF-8 的 JSONL 文件") from error
    found: list[tuple[str, dict[str, Any]]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path.name} 第 {number} 行"
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserInputError(f"不是 JSON：{error}", where=where, cure="每行写一个 JSON 对象") from error
        if not isinstance(item, dict) or not isinstance(item.get("text"), str):
            raise UserInputError("缺少 text", where=where, cure="每行写 {id, text, direction}")
        found.append((where, item))  # pyright: ignore[reportUnknownArgumentType]
    return found


def judged(screens: "Screens", item: dict[str, Any], where: str) -> dict[str, Any]:
    """One text's decision with every spot that a rule speaks of."""
    from domain.principal import LOCAL

    direction = item.get("direction", "input")
    if direction not in DIRECTIONS:
        raise UserInputError(f"没有方向 {direction!r}", where=where, cure=f"写 {'、'.join(DIRECTIONS)} 之一")
    screen = {"input": screens.input, "output": screens.output, "tool": screens.data}[direction]
    decision = screen.check(item["text"], LOCAL)
    return {
        "id": item.get("id"),
        "action": decision.action,
        "rules": list(dict.fromkeys(verdict.rule for verdict in decision.verdicts)),
        "spans": [{"type": verdict.rule, "start": verdict.start, "end": verdict.end} for verdict in decision.verdicts],
        "text": decision.text,
        "reason": decision.reason,
    }
