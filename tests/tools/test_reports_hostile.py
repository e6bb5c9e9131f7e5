"""What is in a record is shown, and never done: not by either template, not by the file formats, not by the reader's eye."""

import io
import zipfile
from xml.etree import ElementTree

import pypdf
import pytest
from pydantic import ValidationError

from tools.reports.diagnosis import layout
from tools.reports.kinds import kind_of
from tools.reports.record import Action, DiagnosisReport, Enterprise, Item, Matrix, Rating, Result, Scene
from tools.reports.typeset import chart_png, page_pngs, pdf
from tools.reports.words import docx as word

from .report_texts import pdf_text, squeezed, word_text

KIND = kind_of("diagnosis")
HOSTILE = [
    '#read("/etc/passwd")',
    '#import "x.typ": *',
    "]#panic(1)[",
    "$ sum_(i=1) $ *b* _i_ `raw` @label <label> // /* ",
    "\\u{23} \\#",
    "{{ 7*7 }}",
    "{% for a in [1] %}x{% endfor %}{%p if 1 %}{%tr %}",
    "{{ self.__init__.__globals__ }}",
    "]]>",
    "</w:t></w:r></w:p><w:p>",
    "<script>alert(1)</script> & &amp; &#x41; <!-- -->",
    "=cmd|' /C calc'!A0",
    "%s %(x)s {0} ${HOME}",
]
INVISIBLE = "锻造\u202e厂\u202d甲\u200f乙\u200b丙\ufeff丁\x00戊\x07\x0c\x1b己\ud83d庚\ufffe"


def record(words: str) -> DiagnosisReport:
    """The words wherever a record has room for them."""
    name = words[:200]
    return DiagnosisReport(
        enterprise=Enterprise(name=name, industry=name, summary=words),
        ratings=(
            Rating(item="A", title=name, value=name, state="confirmed", evidence=words, file=name, respondent=name, confirmed_by=name),
            Rating(item="B", title=name, value=name, state="proposed", evidence=words, file=name, respondent=name),
        ),
        result=Result(items=(Item(id="A", title=name, node=name, value=name, score=1, best=5),), notes=(words[:1000],), level=name),
        matrix=Matrix(levels=(name,), rows=(Scene(id=name, title=name, cells=("达成",)),)),
        next_steps=(Action(title=name, detail=words, owner=name),),
        prepared_by=name,
        version=name,
    )


@pytest.mark.parametrize("words", HOSTILE)
def test_words_that_look_like_commands_stay_words(words: str) -> None:
    made = layout(record(words), KIND)
    assert squeezed(words) in squeezed(word_text(word(made, chart_png)))
    # typst sets -- and quotes as they are in strings; white space is where lines break
    assert squeezed(words) in squeezed(pdf_text(pdf(made)))


def test_nothing_is_worked_out() -> None:
    made = layout(record("{{ 7*7 }} #(7*7)"), KIND)
    for text in (word_text(word(made, chart_png)), pdf_text(pdf(made))):
        assert "49" not in text.replace(made.closing[-1][1], "").replace(made.facts[-1][1], "")


@pytest.mark.parametrize("words", [*HOSTILE, INVISIBLE])
def test_every_part_of_the_word_file_is_well_formed(words: str) -> None:
    with zipfile.ZipFile(io.BytesIO(word(layout(record(words), KIND), chart_png))) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                ElementTree.fromstring(archive.read(name))


def test_marks_that_turn_or_hide_text_are_gone() -> None:
    given = DiagnosisReport.model_validate({"enterprise": {"name": INVISIBLE}})
    assert given.enterprise.name == "锻造厂甲乙丙丁戊己庚"
    made = layout(given, KIND)
    assert "锻造厂甲乙丙丁戊己庚" in word_text(word(made, chart_png))
    assert "锻造厂甲乙丙丁戊己庚" in squeezed(pdf_text(pdf(made)))


@pytest.mark.parametrize(
    "words", ["长" * 10_000, "A" * 10_000, "W1_" * 3_333, "字\n" * 400], ids=["Chinese", "one word", "no spaces", "lines"]
)
def test_a_cell_of_ten_thousand_characters_stays_on_the_page(words: str) -> None:
    made = layout(record(words), KIND)
    pages = pypdf.PdfReader(io.BytesIO(pdf(made))).pages
    found = squeezed("".join(page.extract_text() for page in pages)).replace("\u200b", "")
    assert found.count(words[0]) >= words.count(words[0])
    for page in pages:
        positions: list[float] = []

        def visit(text: str, cm: list[float], tm: list[float], font: object, size: float, at: list[float] = positions) -> None:
            if text.strip():
                at.append(tm[4] * cm[0] + cm[4])

        page.extract_text(visitor_text=visit)
        assert all(-1 <= x <= float(page.mediabox.width) for x in positions)
    assert words[:50].split("\n")[0] in word_text(word(made, chart_png))


def test_a_longer_text_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="summary"):
        DiagnosisReport.model_validate({"enterprise": {"summary": "长" * 10_001}})
    with pytest.raises(ValidationError, match=r"rows\.0|2 格"):
        Matrix.model_validate({"levels": ["甲", "乙"], "rows": [{"id": "1", "title": "一", "cells": ["达成"]}]})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e13, "x"])
def test_what_is_no_number_is_no_score(value: object) -> None:
    with pytest.raises(ValidationError, match="total"):
        DiagnosisReport.model_validate({"result": {"total": value}})


def test_figures_far_from_any_score_do_not_break_a_drawing() -> None:
    nodes = [{"id": f"{n}", "title": f"维度{n}", "score": score, "best": 5} for n, score in enumerate((-1e12, 0.0, 1e12, 5.0))]
    gaps = [{"title": "甲", "score": -5, "needed": 3}, {"title": "乙", "score": 1e12, "needed": 1e-300}]
    ratings = [{"item": f"{n}", "state": "confirmed", "confirmed_by": "李"} for n in range(4)]
    given = {"ratings": ratings, "result": {"nodes": nodes, "next_level": {"level": "二级", "gaps": gaps}}}
    made = layout(DiagnosisReport.model_validate(given), KIND)
    assert {"radar", "gaps"} <= made.charts.keys()
    assert page_pngs(made, 20)
    assert word(made, chart_png)
