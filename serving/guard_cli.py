"""`shuzhi guard`: what the guardrails make of a text, without asking the assistant. Loads no store."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import UserInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from guardrails.attacks import GuardModel
    from guardrails.screens import Screens

    from .settings import Settings

DIRECTIONS = ("input", "output", "tool")


def guard(
    text: Annotated[str, typer.Argument(help="要检查的文字")] = "",
    direction: Annotated[str, typer.Option(help="input 用户输入；output 将要输出；tool 读到的资料")] = "input",
    batch: Annotated[Path | None, typer.Option(help="JSONL：每行 {id, text, direction}")] = None,
    out: Annotated[Path | None, typer.Option(help="结果写入的 JSONL")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """检查一段文字：放行、脱敏还是拦截，依据哪些规则。"""
    from serving.settings import load_settings

    settings = load_settings()
    if batch is None:
        [row] = asyncio.run(judge_all(settings, [("direction", {"text": text, "direction": direction})]))
        shown = f"{row['action']}：{'、'.join(row['rules']) or '没有发现'}\n{row['text']}"
        typer.echo(json.dumps(row, ensure_ascii=False) if as_json else shown)
        return
    if out is None:
        raise UserInputError("没有说结果写到哪里", where="--out", cure="加上 --out 结果.jsonl")
    rows = asyncio.run(judge_all(settings, list(_items(batch))))
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


async def judge_all(settings: "Settings", items: "Sequence[tuple[str, dict[str, Any]]]") -> list[dict[str, Any]]:
    """Every text's decision, in order; a guard model is asked about several at a time."""
    from serving.assembly import make_screens
    from serving.guard_endpoint import GuardEndpoint

    screens = make_screens(settings, report_all=True)
    guard_model = GuardEndpoint(settings.guard_model) if settings.guard_model else None
    turn = asyncio.Semaphore(settings.guard_model_concurrency)

    async def one(where: str, item: dict[str, Any]) -> dict[str, Any]:
        async with turn:  # so that nobody's time runs out while others are asked
            return await judged(screens, guard_model, item, where)

    try:
        return [await task for task in [asyncio.ensure_future(one(*item)) for item in items]]
    finally:
        if guard_model is not None:
            await guard_model.close()


async def judged(screens: "Screens", guard_model: "GuardModel | None", item: dict[str, Any], where: str) -> dict[str, Any]:
    """One text's decision with every spot that a rule speaks of."""
    from domain.principal import LOCAL
    from guardrails.attacks import ask_guard_model
    from guardrails.screen import strictest

    direction = item.get("direction", "input")
    if direction not in DIRECTIONS:
        raise UserInputError(f"没有方向 {direction!r}", where=where, cure=f"写 {'、'.join(DIRECTIONS)} 之一")
    screen = {"input": screens.input, "output": screens.output, "tool": screens.data}[direction]
    decision = screen.check(item["text"], LOCAL)
    verdicts, passed = list(decision.verdicts), decision.text
    heard = None if decision.blocked else await ask_guard_model(guard_model, screens.policy, decision.text, direction)
    if heard is not None:
        verdicts.append(replace(heard, end=len(item["text"])))
        passed = "" if heard.action in ("block", "redact") else passed
    return {
        "id": item.get("id"),
        "action": strictest([verdict.action for verdict in verdicts]),
        "rules": list(dict.fromkeys(verdict.rule for verdict in verdicts)),
        "spans": [{"type": verdict.rule, "start": verdict.start, "end": verdict.end} for verdict in verdicts],
        "text": passed,
        "reason": next((verdict.reason for verdict in verdicts if verdict.action == "block"), ""),
    }
