"""Addresses in other documents (《公司法》第二十四条): found by name and number, for those who may know the document."""

import pytest

from domain.principal import PUBLIC, Label, own_label
from knowledge.address import AddressBook, Entry
from tests.knowledge.conftest import ANN, BOB, EVE

PRIVATE = own_label(ANN)


def entry(title: str, version: str = "", *, current: bool = True, label: Label = PUBLIC) -> Entry:
    key = title.removeprefix("中华人民共和国")
    return Entry(f"{title}|{version}", key, title, version, current, label)


BOOK = AddressBook(
    [
        entry("中华人民共和国公司法", "2018-10-26", current=False),
        entry("中华人民共和国公司法", "2023-12-29"),
        entry("中华人民共和国道路交通安全法"),
        entry("中华人民共和国刑法"),
        entry("中华人民共和国刑事诉讼法"),
        entry("中华人民共和国民事诉讼法"),
        entry("专利法实施细则"),
        entry("专利法"),
        entry("设备管理制度.docx"),
        entry("采购规程（试行）"),
        entry("山东省实施《中华人民共和国公司法》办法"),
        entry("国际邮轮在中华人民共和国港口靠港补给的规定"),
        entry("实施《反外国制裁法》的规定(2025-03-23)"),
        entry("奖金方案", label=PRIVATE),
    ]
)


def resolved(text: str, book: AddressBook = BOOK) -> list[tuple[str, str]]:
    return list(dict.fromkeys((found.key, address) for found, address in book.resolve(text, ANN)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("公司法第二十四条", [("公司法", "第二十四条")]),
        ("《公司法》第24条", [("公司法", "第二十四条")]),
        ("《中华人民共和国公司法》第２４条说了什么", [("公司法", "第二十四条")]),
        ("中华人民共和国 公司法 第 二十四 条", [("公司法", "第二十四条")]),
        ("民法商法公司法第二百一十六条的内容是什么？", [("公司法", "第二百一十六条")]),
        ("刑法第一百三十三条之一", [("刑法", "第一百三十三条之一")]),
        ("刑法第133条之1", [("刑法", "第一百三十三条之一")]),
        ("道交法第九十一条", [("道路交通安全法", "第九十一条")]),
        ("刑诉法第十二条", [("刑事诉讼法", "第十二条")]),
        ("专利法实施细则第三条", [("专利法实施细则", "第三条")]),
        ("公司法第三条和第五条", [("公司法", "第三条"), ("公司法", "第五条")]),
        ("公司法第三条、刑法第五条", [("公司法", "第三条"), ("刑法", "第五条")]),
        ("设备管理制度 4.2.1", [("设备管理制度.docx", "4.2.1")]),
        ("设备管理制度4.2.1 b)怎么写", [("设备管理制度.docx", "4.2.1-b")]),
        ("《山东省实施《中华人民共和国公司法》办法》第七条", [("山东省实施《中华人民共和国公司法》办法", "第七条")]),
        ("《国际邮轮在中华人民共和国港口靠港补给的规定》第2条", [("国际邮轮在中华人民共和国港口靠港补给的规定", "第二条")]),
        ("实施《反外国制裁法》的规定(2025-03-23)第九条", [("实施《反外国制裁法》的规定(2025-03-23)", "第九条")]),
        ("采购规程第十条", [("采购规程（试行）", "第十条")]),
    ],
)
def test_a_document_is_known_by_its_names(text: str, found: list[tuple[str, str]]) -> None:
    assert resolved(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "第二十四条", "商标法第二十四条", "公司法怎么说", "诉讼法第三条", "公司法第条", "投资3.5万", "公司法" + "，" * 20 + "第三条"],
)
def test_what_names_no_document_or_no_place_is_no_address(text: str) -> None:
    assert resolved(text) == []


def test_the_newest_version_comes_first() -> None:
    assert [found.version for found, _ in BOOK.resolve("公司法第三条", ANN)] == ["2023-12-29", "2018-10-26"]


class TestReadingRights:
    def test_a_private_document_resolves_for_its_owner_alone(self) -> None:
        assert [found.key for found, _ in BOOK.resolve("奖金方案第三条", ANN)] == ["奖金方案"]
        assert BOOK.resolve("奖金方案第三条", BOB) == []
        assert BOOK.resolve("奖金方案第三条", EVE) == []

    def test_what_one_may_not_read_hides_nothing_one_may(self) -> None:
        book = AddressBook([entry("管理制度"), entry("设备管理制度", label=PRIVATE)])
        assert [found.key for found, _ in book.resolve("设备管理制度第三条", BOB)] == ["管理制度"]
        assert [found.key for found, _ in book.resolve("设备管理制度第三条", ANN)] == ["设备管理制度"]

    def test_what_one_may_not_read_makes_no_abbreviation_ambiguous(self) -> None:
        book = AddressBook([entry("道路交通安全法"), entry("道口交通法", label=PRIVATE)])
        assert [found.key for found, _ in book.resolve("道交法第三条", BOB)] == ["道路交通安全法"]
        assert book.resolve("道交法第三条", ANN) == []

    def test_two_documents_of_one_name_are_told_apart_by_reader(self) -> None:
        book = AddressBook([entry("奖金方案", "2026", label=PRIVATE), entry("奖金方案", "2025", label=own_label(BOB))])
        assert [found.version for found, _ in book.resolve("奖金方案第三条", BOB)] == ["2025"]
