"""Data for everybody name nobody (GXDSL-8.1-2); what is private stays as it was written."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.principal import LOCAL, PUBLIC, Label, own_label
from knowledge.ingest import SourceFile
from serving.assembly import Knowledge, open_knowledge
from serving.settings import Settings

TEXT = """# 供应商通讯录

1 联系方式

1.1 窑炉供应商联系人王建国，手机13812345678，邮箱wang.jg@example.com，身份证号11010519491231002X。
"""
VALUES = ("13812345678", "wang.jg@example.com", "11010519491231002X", "王建国")


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Knowledge]:
    opened = open_knowledge(Settings(home=tmp_path_factory.mktemp("home")))
    yield opened
    opened.close()


def stored(knowledge: Knowledge, label: Label, name: str) -> list[str]:
    outcome = knowledge.ingestor.ingest(SourceFile(name, TEXT.encode()), LOCAL, label, "my")
    assert outcome.document is not None
    return [passage.text for passage in knowledge.library.passages_of(outcome.document)]


def test_every_value_is_hidden_before_anything_public_is_stored(knowledge: Knowledge, tmp_path: Path) -> None:
    private, public = stored(knowledge, own_label(LOCAL), "a.md"), stored(knowledge, PUBLIC, "b.md")
    assert all(value in "".join(private) for value in VALUES)
    assert not any(value in "".join(public) for value in VALUES)
    assert [len(text) for text in public] == [len(text) for text in private]
    assert "138****5678" in "".join(public)
    assert "窑炉供应商联系人" in "".join(public)
