"""A layout as PDF, and its charts as PNG: set by typst, from data alone.

The data goes in as one JSON text that the template parses. It is never source, so nothing in it can be a command.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal, cast

from domain.errors import ToolFailed

from .fonts import font_folders
from .layout import Layout

DATA = Path(__file__).parent / "data"
CHART_PPI = 200


def pdf(report: Layout) -> bytes:
    """Raises ToolFailed when it cannot be set, ConfigurationError without the typefaces."""
    return _set(_source("charts.typ", "report.typ"), report.model_dump_json(), "pdf")


def chart_png(report: Layout, key: str) -> bytes:
    """One of the layout's charts, as the PDF shows it."""
    return _set(_source("charts.typ", "chart.typ"), report.charts[key].model_dump_json(), "png")


def page_pngs(report: Layout, ppi: float) -> list[bytes]:
    """The pages as pictures, for a preview."""
    return _pages(_source("charts.typ", "report.typ"), report.model_dump_json(), ppi)


@cache
def _source(*names: str) -> bytes:
    return b"\n".join((DATA / name).read_bytes() for name in names)


def _set(source: bytes, data: str, form: Literal["pdf", "png"]) -> bytes:
    return _compiled(source, data, form, CHART_PPI)[0]


def _pages(source: bytes, data: str, ppi: float) -> list[bytes]:
    return _compiled(source, data, "png", ppi)


def _compiled(source: bytes, data: str, form: str, ppi: float) -> list[bytes]:
    import typst  # noqa: PLC0415 - twenty megabytes that only reports need

    # its declared types leave out text where bytes are taken
    compile_ = cast("Callable[..., list[bytes] | bytes]", typst.compile)
    try:
        made = compile_(
            source,
            root=str(DATA),
            font_paths=list(font_folders()),
            ignore_system_fonts=True,
            sys_inputs={"data": data},
            format=form,
            ppi=ppi,
        )
    except (typst.TypstError, RuntimeError) as error:
        raise ToolFailed("报告排版失败", where="write_report", cure="缩短记录中过长的文字后重试；仍失败请联系开发人员") from error
    # one page of a picture comes by itself, several come as a list
    return made if isinstance(made, list) else [made]
