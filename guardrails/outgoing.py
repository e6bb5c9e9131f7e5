"""Typed results on their way out: every text in them passes a screen, every number and the whole shape stay."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from domain.principal import Principal

from .screen import Screen


def outgoing(screen: Screen, value: Any, principal: Principal, known: Any = None) -> Any:
    """A JSON value as it may leave: what must not be shown is hidden in each text and each free key; what must not be said at all is
    replaced by the reason.

    Args:
        screen: what looks at a text that leaves (`Screens.stream`: what can be told from a few characters).
        value: any JSON value.
        principal: who is going to read it.
        known: a JSON value whose texts the reader has anyway, such as the arguments it sent.
    """
    # a figure that is handed over as a number may be written out beside it
    heard = "\n".join([*texts(known), *_figures(value)])

    def shown(text: str) -> str:
        decision = screen.check(text, principal, known=heard)
        return f"〔未显示：{decision.reason}〕" if decision.blocked else decision.text

    def walk(inner: Any) -> Any:
        if isinstance(inner, str):
            return shown(inner) if inner else inner
        if isinstance(inner, dict):
            return {shown(key) if key else key: walk(each) for key, each in cast("dict[str, Any]", inner).items()}
        if isinstance(inner, list):
            return [walk(each) for each in cast("list[Any]", inner)]
        return inner

    return walk(value)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for each in cast("dict[str, Any]", value).values():
            yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in cast("Iterable[Any]", value):
            yield from _leaves(each)
    else:
        yield value


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, in order; the names of fields are none."""
    return (leaf for leaf in _leaves(value) if isinstance(leaf, str))


def _figures(value: Any) -> Iterator[str]:
    for leaf in _leaves(value):
        if isinstance(leaf, int | float) and not isinstance(leaf, bool):
            yield f"{leaf:.0f}" if float(leaf).is_integer() else repr(leaf)
