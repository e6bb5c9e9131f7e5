"""A tool called by name, outside a conversation: the one rule for HTTP, MCP, the command line and the chat page's clause view."""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

from domain.errors import NotAllowed, NotFound, PlatformError, ProblemDetail, UserInputError
from domain.permissions import require
from domain.principal import Principal
from guardrails.attacks import ask_guard_model
from guardrails.findings import Finding
from guardrails.outgoing import outgoing, texts
from guardrails.screens import Screens, rewrite
from records.audit_entries import Door, NewEntry, Outcome
from tools.contract import ToolContext, ToolResult
from tools.search.tool import SearchOutput

from .assembly import Platform
from .clock import utc_now

DEEPEST = 32
"""Levels of lists and objects in an argument."""


async def run_directly(platform: Platform, name: str, arguments: dict[str, Any], speaker: Principal, door: Door) -> dict[str, Any]:
    """Run a reading or computing tool; that it was run, and what it shows, is recorded before its result is handed out.

    An effect needs the approval of a run, so tools with one are refused. The result is a `ToolResult` as JSON whose texts, like those of
    a refusal, have passed the output screen.

    Raises:
        NotFound, NotAllowed (also: an argument that the guardrails do not let in), UserInputError, ToolFailed; what
        `EventWriter.record` and `People.passages` raise.
    """
    effect = platform.tools.get(name, speaker).effect
    outcome: Outcome = "failed"
    given: dict[str, Any] = {}
    try:
        require(speaker, "assistant.use")
        if effect in ("write", "external"):
            raise NotAllowed(f"{name} 有外部影响，需要审批", where=name, cure="在对话里提出，由负责人批准后执行")
        given = admitted(platform.screens, arguments, speaker)
        await _heard_by_guard(platform, given)
        result = await _run(platform, name, given, speaker, door)
        shown = await asyncio.to_thread(handed_out, platform.screens, result, speaker, given)
        outcome = "done"
    except PlatformError as error:
        outcome = "refused" if isinstance(error, NotAllowed) else "failed"
        raise _handed_out_error(platform.screens, error, speaker, given) from error.__cause__
    finally:
        about: dict[str, Any] = {"object_kind": "tool", "object_id": name, "outcome": outcome, "detail": {"effect": effect}}
        await platform.writer.record(NewEntry(principal=speaker, action="tool.run", door=door, **about))
    return shown


def handed_out(screens: Screens, result: ToolResult[Any], speaker: Principal, given: dict[str, Any]) -> dict[str, Any]:
    """A result as JSON that may leave; a quote that had to be changed is no longer a verified one."""
    raw = result.model_dump(mode="json")
    shown: dict[str, Any] = outgoing(screens.stream, raw, speaker, given)
    for before, after in zip(raw["citations"], shown["citations"], strict=True):
        after["verified"] = after["verified"] and before["quote"] == after["quote"]
    return shown


def _handed_out_error(screens: Screens, error: PlatformError, speaker: Principal, given: dict[str, Any]) -> PlatformError:
    """`error` itself, with words that may leave: a tool may put into them what it read."""
    told = {"message": error.message, "detail": [spot.model_dump() for spot in error.detail]}
    shown = outgoing(screens.stream, told, speaker, given)
    if shown != told:
        error.message, error.args = shown["message"], (shown["message"],)
        error.detail = [ProblemDetail.model_validate(spot) for spot in shown["detail"]]
    return error


async def _run(platform: Platform, name: str, arguments: dict[str, Any], speaker: Principal, door: Door) -> ToolResult[Any]:
    platform.people.check_room()
    try:
        result = await platform.tools.run(name, arguments, ToolContext(principal=speaker, now=utc_now, door=door))
    except NotFound as error:
        platform.people.refused(speaker, str(arguments.get("clause_id", "")), error, door)
        raise
    await platform.people.passages(speaker, shown_passages(result), door)
    return result


def shown_passages(result: ToolResult[Any]) -> Iterator[str]:
    """Ids of the stored passages that a result shows; the catalogue's are everybody's."""
    yield from (citation.passage_id for citation in result.citations if citation.source != "catalogue")
    if isinstance(result.data, SearchOutput):
        yield from (hit.passage_id for hit in result.data.hits if hit.source != "catalogue")


def admitted(screens: Screens, given: Any, speaker: Principal) -> Any:
    """`given` as it may go on: every text in it, however deep, has passed the input screen, and secrets in it are blotted out.

    Lengths and emptiness are the arguments' own types to judge; identifiers stay, because they are what is looked for.

    Raises:
        NotAllowed: naming the argument, never its content.
        UserInputError: nested beyond all reason.
    """
    return _admitted(screens, given, speaker, "", 0)


def _admitted(screens: Screens, value: Any, speaker: Principal, where: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise UserInputError("参数嵌套太深", where=where[:60], cure=f"嵌套不超过 {DEEPEST} 层")
    if isinstance(value, str):
        return _admitted_text(screens, value, speaker, where)
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        return {key: _admitted(screens, each, speaker, f"{where}.{key}" if where else key, depth + 1) for key, each in given.items()}
    if isinstance(value, list | tuple):
        return [_admitted(screens, each, speaker, f"{where}[{n}]", depth + 1) for n, each in enumerate(cast("list[Any]", value))]
    return value


def _admitted_text(screens: Screens, text: str, speaker: Principal, where: str) -> str:
    decision = screens.input.check(text, speaker, rewrite=_only_secrets)
    stop = next((v for v in decision.verdicts if v.action == "block" and not v.rule.startswith("text.")), None)
    if stop is not None:
        raise NotAllowed(stop.reason, where=where[:200] or "参数", cure="换一种说法，只写业务内容")
    return text if decision.blocked else decision.text


async def _heard_by_guard(platform: Platform, given: Any) -> None:
    """Raises NotAllowed when the guard model, where there is one, does not let an argument pass."""
    if platform.guard_model is None:
        return
    verdict = await ask_guard_model(platform.guard_model, platform.screens.policy, "\n".join(texts(given)), "input")
    if verdict is not None and verdict.action in ("block", "redact"):
        raise NotAllowed(verdict.reason, where="参数", cure="换一种说法，只写业务内容")


def _only_secrets(finding: Finding, value: str) -> str:
    return value if finding.rule.startswith("pii") else rewrite(finding, value)
