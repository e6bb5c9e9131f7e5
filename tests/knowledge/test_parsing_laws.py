"""The corpus of laws: every article comes out, with its chapter, and nothing is lost."""

import json
import re
import time
from functools import cache
from pathlib import Path

import pytest

from domain.errors import DocumentError
from knowledge.parsing.grammar import ParsedDocument, parse_document
from knowledge.parsing.readers import read_blocks

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "laws_zh" / "corpus.jsonl"
ARTICLE = re.compile(r"[ \t\u3000]*(?:#+\s*)?第[零一二三四五六七八九十百千〇两○]+条")
SECONDS = 60
"""On one quiet core it takes about 11; the machine that runs the tests may be shared."""

pytestmark = pytest.mark.skipif(not CORPUS.is_file(), reason="the corpus of laws (../shared/data/laws_zh) is not here")


@cache
def corpus() -> tuple[list[tuple[str, ParsedDocument]], float, int]:
    """(text, parsed) of every document, the seconds of processor time it took, how many documents had no clause."""
    records = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
    parsed: list[tuple[str, ParsedDocument]] = []
    empty = 0
    started = time.process_time()
    for record in records:
        try:
            parsed.append((record["text"], parse_document(read_blocks(record["text"].encode(), record["file"]), record["file"])))
        except DocumentError:
            empty += 1
    return parsed, time.process_time() - started, empty


def test_every_article_is_a_clause() -> None:
    expected = sum(1 for text, _ in corpus()[0] for line in text.splitlines() if ARTICLE.match(line))
    found = sum(1 for _, document in corpus()[0] for clause in document.clauses if clause.kind == "clause" and ARTICLE.match(clause.text))
    assert expected > 58_000
    assert abs(found - expected) <= 0.001 * expected


def test_no_line_is_lost_and_no_document_refused() -> None:
    parsed, seconds, empty = corpus()
    assert sum(document.lines_lost for _, document in parsed) == 0
    assert empty == 0
    assert seconds < SECONDS


def test_articles_stand_under_their_chapters() -> None:
    articles = [
        any("章" in heading for heading in clause.path)
        for text, document in corpus()[0]
        if len(re.findall(r"^#+ *第[一二三四五六七八九十]+章", text, re.MULTILINE)) > 2
        for clause in document.clauses
        if re.fullmatch(r"第.+条", clause.address)
    ]
    assert sum(articles) >= 0.99 * len(articles)
