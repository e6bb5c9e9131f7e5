"""What replies mean: commands, answers in people's own words, corrections, questions back. What is unclear is never guessed."""

import pytest

from agents.interview.answers import Direct, Unclear, answer_to, change_of, command_of, is_aside, starts_interview
from agents.interview.items import Askable, askable
from knowledge.catalogue import load_catalogue
from tools.diagnosis.library import Library


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(load_catalogue())


@pytest.fixture(scope="module")
def items(library: Library) -> dict[str, Askable]:
    return askable(library.get("digital-maturity"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", "3"), ("三级", "3"), ("大概2级吧", "2"), ("我觉得能到4级左右", "4"), ("选 4", "4"), ("0", "0"), ("二", "2"),
        ("没有", "0"), ("还没有呢", "0"), ("一点没有", "0"), ("我们应该能到3级，去年刚做完", "3"), ("５", "5"),
    ],
)  # fmt: skip
def test_answers_to_a_question_of_levels(items: dict[str, Askable], text: str, value: str) -> None:
    assert answer_to(text, items["网络安全"]) == Direct("网络安全", value, 0, len(text))


@pytest.mark.parametrize(("text", "why"), [("有", "有到什么程度"), ("8", "超出 0–5"), ("-1级", "超出"), ("2.5", "0–5 的整数")])
def test_what_is_no_answer_says_what_is_asked(items: dict[str, Askable], text: str, why: str) -> None:
    found = answer_to(text, items["网络安全"])
    assert isinstance(found, Unclear)
    assert why in found.why


@pytest.mark.parametrize("text", ["装了防火墙", "上个月花了3级台阶的钱，又用2级那套", "说来话长" * 30, ""])
def test_what_says_nothing_by_itself(items: dict[str, Askable], text: str) -> None:
    assert answer_to(text, items["网络安全"]) is None


def test_answers_by_option(library: Library) -> None:
    item = askable(library.get("ai-application"))["MIIT-02"]
    assert [option.value for option in item.options] == ["未开展", "规划", "试点", "推广", "优化"]
    assert answer_to("目前在试点", item) == Direct("MIIT-02", "试点", 0, 5)
    assert answer_to("没有", item) == Direct("MIIT-02", "未开展", 0, 2)
    cell = next(iter(askable(library.get("smart-factory")).values()))
    assert [getattr(answer_to(word, cell), "value", None) for word in ("做到了", "部分做到", "没有")] == ["是", "部分", "否"]
    assert [getattr(answer_to(word, cell), "value", None) for word in ("是", "部分", "否")] == ["是", "部分", "否"]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("不知道", "skip"), ("这个我也不清楚，下一题", "skip"), ("跳过", "skip"), ("上一题", "back"), ("先到这吧", "pause"),
        ("暂停一下", "pause"), ("继续", "resume"), ("接着来", "resume"), ("现在多少分？", None), ("现在多少分", "score"),
        ("出结果", "finish"), ("确认", "review"), ("全部确认", "confirm_all"), ("为什么问这个", "why"),
        ("我们不知道怎么办，MES上了没用起来", None), ("继续用Excel", None),
    ],
)  # fmt: skip
def test_commands(text: str, command: str | None) -> None:
    assert command_of(text.rstrip("？")) == command if command else command_of(text) in (None, "score")


def test_corrections(items: dict[str, Askable]) -> None:
    assert change_of("把网络安全改成2级", items, "") == Direct("网络安全", "2", 0, 9)
    assert change_of("改成3", items, "网络安全") == Direct("网络安全", "3", 0, 3)
    assert isinstance(change_of("改成3", items, ""), Unclear)
    assert isinstance(change_of("把数据改成3", items, "网络安全"), Unclear)  # several items speak of 数据
    assert isinstance(change_of("把网络安全改成很好", items, ""), Unclear)
    assert change_of("上了MES", items, "网络安全") is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("帮我做数字化诊断", "digital-maturity"),
        ("给我们厂做一次人工智能应用自评吧", "ai-application"),
        ("我想做数字化成熟度评估", "digital-maturity"),
        ("帮我们做个智能工厂自评", "smart-factory"),
        ("数字化诊断是什么", None),
        ("数字化诊断有哪些要求", None),
        ("帮我做个数字化成熟度诊断，数字意识3分、数字基础设施2分", None),
        ("能做哪些诊断", None),
        ("块存储走什么协议", None),
    ],
)
def test_asking_for_an_interview(text: str, key: str | None) -> None:
    assert starts_interview(text) == key


def test_questions_to_the_assistant() -> None:
    assert is_aside("智能排产的先进级是什么要求？")
    assert is_aside("等保三级是什么意思")
    assert not is_aside("我们上了MES")


def test_every_item_says_what_it_is_worth(library: Library) -> None:
    keys = library.keys()
    for key in keys:
        found = askable(library.get(key))
        if key in ("digital-maturity", "industrial-brain", "smart-factory"):
            assert sum(each.share for each in found.values()) == pytest.approx(1)
        assert all(each.question and (each.options or each.asks) for each in found.values()), key
