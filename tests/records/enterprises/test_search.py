"""Files are found by any part of what they say, and by what they are."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import NotFound
from records.enterprises.search import EnterpriseQuery

from ..people import ANNA, BORIS, CHIEF, NAMESAKE
from .files import Files, code


@pytest.fixture
def three(files: Files) -> dict[str, str]:
    """Names and ids."""
    made = [
        files.begin(
            ANNA, "昆山精密机械有限公司", uscc=code(1), industry_code="C34", region="江苏省苏州市昆山市", pain_points=["设备停机多"]
        ),
        files.begin(ANNA, "宁波ABC纺织厂", industry_code="C17", region="浙江省宁波市", chain_position="链主", systems=["用友 U8"]),
        files.begin(BORIS, "昆山软件科技", industry_code="I65", region="江苏省苏州市昆山市", employees=5, products=["排产软件"]),
    ]
    files.begin(NAMESAKE, "昆山精密机械分公司", region="江苏省苏州市昆山市")
    return {file.profile.name: file.id for file in made}


def names(files: Files, **query: str) -> set[str]:
    return {each.name for each in files.store.search(EnterpriseQuery(**query), CHIEF).enterprises}


PRECISION, WEAVER, SOFTWARE = "昆山精密机械有限公司", "宁波ABC纺织厂", "昆山软件科技"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {PRECISION, WEAVER, SOFTWARE}),
        ({"text": "精密机"}, {PRECISION}),
        ({"text": "昆山"}, {PRECISION, SOFTWARE}),
        ({"text": "密"}, {PRECISION}),
        ({"text": "昆山 排产"}, {SOFTWARE}),
        ({"text": "abc"}, {WEAVER}),
        ({"text": "ＡＢＣ纺"}, {WEAVER}),
        ({"text": "u8"}, {WEAVER}),
        ({"text": "昆山机械"}, set[str]()),
        ({"text": "公司有限"}, set[str]()),
        ({"text": code(1)[3:12]}, {PRECISION}),
        ({"text": "制造业"}, {PRECISION, WEAVER}),
        ({"text": "！！"}, set[str]()),
        ({"text": '"; DROP'}, set[str]()),
        ({"text": "' OR 1=1 --"}, set[str]()),
        ({"text": "停机 NOT 昆山"}, set[str]()),
        ({"uscc": code(1)}, {PRECISION}),
        ({"uscc": code(2)}, set[str]()),
        ({"region": "江苏"}, {PRECISION, SOFTWARE}),
        ({"region": "精密"}, set[str]()),
        ({"industry": "C"}, {PRECISION, WEAVER}),
        ({"industry": "c34"}, {PRECISION}),
        ({"industry": "34"}, set[str]()),
        ({"pain_point": "停机"}, {PRECISION}),
        ({"pain_point": "精密"}, set[str]()),
        ({"chain": "链主"}, {WEAVER}),
        ({"size": "微型"}, {SOFTWARE}),
        ({"size": "未知"}, {PRECISION, WEAVER}),
        ({"demand": "生产制造"}, {PRECISION}),
        ({"owner": "boris"}, {SOFTWARE}),
        ({"industry": "C", "region": "江苏", "text": "机械"}, {PRECISION}),
    ],
)
def test_what_a_question_finds(files: Files, three: dict[str, str], query: dict[str, str], found: set[str]) -> None:
    assert names(files, **query) == found


def test_a_change_is_found_at_once_and_the_old_words_are_not(files: Files, three: dict[str, str]) -> None:
    files.change(three[PRECISION], CHIEF, name="太仓锻压", pain_points=["报废多"], chain_position="配套")
    assert names(files, text="太仓") == {"太仓锻压"}
    assert names(files, text="精密机械") == set()
    assert names(files, demand="质量控制", chain="配套") == {"太仓锻压"}
    assert names(files, demand="生产制造") == set()


def test_a_need_and_an_assessment_change_the_segments(files: Files, three: dict[str, str]) -> None:
    file = files.store.get(three[WEAVER], CHIEF)
    need = files.add(file, "need", CHIEF, title="希望减少库存")
    assert names(files, demand="供应链协同") == {WEAVER}
    files.relations.change(file.id, "need", need.id, {"state": "已满足"}, CHIEF, version=1, door="http")
    assert names(files, demand="供应链协同") == set()
    files.add(file, "assessment", CHIEF, assessment="GB/T 39116", version="2020", on="2026-01-05", level="二级")
    files.add(file, "assessment", CHIEF, assessment="GB/T 39116", version="2020", on="2024-01-05", level="四级")
    assert names(files, maturity="发展") == {WEAVER}
    assert len(files.relations.items(file.id, "assessment", CHIEF)) == 2


def test_pages_hold_every_file_once_newest_first(files: Files) -> None:
    made = [files.begin(ANNA, f"第{number}工厂").id for number in range(7)]
    seen: list[str] = []
    after = ""
    while True:
        page = files.store.search(EnterpriseQuery(text="工厂"), BORIS, after=after, limit=3)
        seen += [each.id for each in page.enterprises]
        if not (after := page.next):
            break
    assert seen == made[::-1]


def test_a_page_after_another_tenants_file_is_no_page(files: Files, three: dict[str, str]) -> None:
    with pytest.raises(NotFound):
        files.store.search(EnterpriseQuery(), NAMESAKE, after=three[PRECISION])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30), st.data())
def test_any_part_of_a_name_finds_it(files: Files, name: str, data: st.DataObject) -> None:
    """And no character in a name or a question breaks the engine."""
    if not name.strip():
        return
    file = files.begin(ANNA, name)
    kept = [char for char in file.profile.name if char.isalnum()]
    page = files.store.search(EnterpriseQuery(text=name), ANNA)
    if not kept or " " in file.profile.name:
        return
    assert file.id in {each.id for each in page.enterprises}
    start = data.draw(st.integers(0, len(kept) - 1))
    end = data.draw(st.integers(start + 1, len(kept)))
    part = "".join(kept[start:end])
    if part.isalnum():
        newest = files.store.search(EnterpriseQuery(text=part), ANNA, limit=200).enterprises[:1]
        assert [each.id for each in newest] == [file.id]
