"""People, addresses and companies: found where the words around them say so; a factory's own words are nobody's name."""

import json
from pathlib import Path

import pytest

from guardrails.findings import Finding
from guardrails.normalise import View
from guardrails.pii.detector import IDENTIFIER_RULES, NAMING_RULES, PiiDetector

SHARED = Path(__file__).resolve().parents[3] / "shared"
NAMES = PiiDetector(NAMING_RULES)


def found(text: str) -> list[tuple[str, str]]:
    return [(one.rule.removeprefix("pii."), text[one.start : one.end]) for one in NAMES.find(View.of(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("联系人：张伟，请尽快回复", [("person", "张伟")]),
        ("我叫欧阳修远", [("person", "欧阳修远")]),
        ("姓名:李建国 性别男", [("person", "李建国")]),
        ("项目经理为赵敏。", [("person", "赵敏")]),
        ("客户陈静表示满意", [("person", "陈静")]),
        ("数据由刘洋负责", [("person", "刘洋")]),
        ("约翰·史密斯工程师到场", [("person", "约翰·史密斯")]),
        ("联系人：王女士", [("person", "王女士")]),
        ("住在山东省济南市历下区经十路12345号3号楼2单元501室", [("address", "山东省济南市历下区经十路12345号3号楼2单元501室")]),
        ("收货地址：广东省深圳市南山区科技园南路18号", [("address", "广东省深圳市南山区科技园南路18号")]),
        ("地址：朝阳区建国路88号SOHO现代城A座1203", [("address", "朝阳区建国路88号SOHO现代城A座1203")]),
        ("开票单位：济南鲁信机械有限公司", [("company", "济南鲁信机械有限公司")]),
    ],
)
def test_what_is_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "海尔的车间设备",
        "老师傅一眼就能看出来",
        "用户名单传给同行",
        "安全经理和高工一起查",
        "控制回路3号、产线2号门",
        "智能工厂和数字车间",
        "本公司、各分公司、供应商有限公司",
        "工业和信息化部、国务院、中国信息通信研究院",
        "北京、上海的企业",
        "由于方法不当，任务没有完成",
        "卡尔曼滤波和蒙特卡罗仿真",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_name_that_is_sure_once_is_sure_again() -> None:
    assert found("联系人：张建国。后来张建国走了") == [("person", "张建国"), ("person", "张建国")]


def test_the_catalogue_names_no_person() -> None:
    from knowledge.catalogue import load_catalogue

    persons = PiiDetector({"pii.person", "pii.address"})
    texts = [text for clause in load_catalogue().clauses.values() for text in (clause.text, *clause.questions)]
    assert [text for text in texts if persons.find(View.of(text))] == []


def test_places_and_brands_can_be_asked_for() -> None:
    every = PiiDetector(NAMING_RULES, 0.1)
    assert [one.rule for one in every.find(View.of("位于上海、北京的华为"))] == ["pii.address", "pii.address", "pii.company"]


def test_only_the_rules_that_were_asked_for() -> None:
    text = "联系人：张伟，手机13800138000"
    assert [one.rule for one in PiiDetector({"pii.person"}).find(View.of(text))] == ["pii.person"]
    assert [one.rule for one in PiiDetector(IDENTIFIER_RULES).find(View.of(text))] == ["pii.mobile"]


def test_a_model_adds_what_forms_cannot_show() -> None:
    def model(text: str) -> list[Finding]:
        at = text.find("老K")
        return [Finding("pii.person", at, at + 2, 0.8)] if at >= 0 else []

    text = "老K的手机13800138000"
    assert [(one.rule, text[one.start : one.end]) for one in PiiDetector(model=model).find(View.of(text))] == [
        ("pii.person", "老K"),
        ("pii.mobile", "13800138000"),
    ]


def test_the_figures_on_public_news_did_not_fall() -> None:
    from evals.pii import cluener

    path = SHARED / "data/cluener2020/train_first2000.json"
    if not path.exists():
        pytest.skip("public set cluener2020 is not beside this checkout")
    lines = list(cluener(path))
    low = {line["kind"]: line["f1"] for line in lines if line["minimum"] < 0.5}
    assert low["name"] >= 0.56
    assert low["address"] >= 0.38
    assert low["company"] >= 0.5
    used = {line["kind"]: line["touched_precision"] for line in lines if line["minimum"] == 0.5}
    assert used["name"] >= 0.95
    assert used["company"] >= 0.95


def test_the_evaluation_counts_spans_as_they_are() -> None:
    from evals.pii import Score

    score = Score()
    score.add([(0, 2), (5, 8)], [(0, 2), (5, 7), (20, 21)])
    figures = score.figures()
    assert (figures["precision"], figures["recall"]) == (0.3333, 0.5)
    assert (figures["touched_precision"], figures["touched_recall"]) == (0.6667, 1.0)
    assert json.dumps(figures)
