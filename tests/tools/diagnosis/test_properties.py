"""What holds for every tree and every set of answers."""

from decimal import Decimal
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.diagnosis.answers import resolve
from tools.diagnosis.batch import score_many
from tools.diagnosis.definition import read_definition
from tools.diagnosis.scoring import score
from tools.diagnosis.tree import Model, compile_definition

from .scored import TODAY, library, shipped

HUNDREDTHS = st.integers(0, 10_000).map(lambda n: n / 100)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """A definition of two levels with weights that sum to 100, or means, sums aside."""
    count = draw(st.integers(1, 4))
    groups: list[dict[str, Any]] = []
    for g in range(count):
        size = draw(st.integers(1, 5))
        items: list[dict[str, Any]] = [{"id": f"g{g}i{i}"} for i in range(size)]
        aggregate = draw(st.sampled_from(["weighted_sum", "mean", "min", "max"]))
        if aggregate == "weighted_sum":
            for item, weight in zip(items, shares(draw, size), strict=True):
                item["weight"] = weight
        groups.append({"id": f"g{g}", "aggregate": aggregate, "children": items})
    for group, weight in zip(groups, shares(draw, count), strict=True):
        group["weight"] = weight
    return {"title": "t", "children": groups}


def shares(draw: st.DrawFn, count: int) -> list[int]:
    cuts = sorted(draw(st.lists(st.integers(1, 99), min_size=count - 1, max_size=count - 1, unique=True)))
    return [high - low for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]


def compiled(tree: dict[str, Any], **more: Any) -> Model:
    return compile_definition(read_definition(yaml.safe_dump(tree | more)))


def total(model: Model, answers: dict[str, Any]) -> Decimal:
    found = score(model, answers, TODAY).total
    assert found is not None
    return found


def ids(tree: dict[str, Any]) -> list[str]:
    return [item["id"] for group in tree["children"] for item in group["children"]]


@given(trees(), st.data())
@settings(max_examples=60, deadline=None)
def test_bounds_monotone_and_free_of_order(tree: dict[str, Any], data: st.DataObject) -> None:
    model = compiled(tree)
    answers = {i: data.draw(HUNDREDTHS) for i in ids(tree)}
    base = total(model, answers)
    assert 0 <= base <= 100
    assert total(model, dict.fromkeys(answers, 100)) == 100
    better = data.draw(st.sampled_from(list(answers)))
    assert total(model, answers | {better: 100}) >= base
    assert total(model, dict(reversed(answers.items()))) == base
    assert total(compiled(tree | {"children": tree["children"][::-1]}), answers) == base


@given(trees(), st.data())
@settings(max_examples=40, deadline=None)
def test_an_item_that_does_not_apply_changes_nothing_but_its_absence(tree: dict[str, Any], data: st.DataObject) -> None:
    extra = {"id": "extra", "weight": 50}
    grown = {"title": "t", "children": [{"id": "whole", "weight": 50, "children": tree["children"]}, extra]}
    answers = {i: data.draw(HUNDREDTHS) for i in ids(tree)}
    assert total(compiled(grown), answers | {"extra": "不适用"}) == total(compiled(tree), answers)


@given(trees(), st.data())
@settings(max_examples=40, deadline=None)
def test_contributions_of_weighted_sums_add_up(tree: dict[str, Any], data: st.DataObject) -> None:
    model = compiled(tree)
    answers = {i: data.draw(HUNDREDTHS) for i in ids(tree)}
    groups = score(model, answers, TODAY)
    top = sum((groups.scored[i].score or 0) * w for i, w in zip(model.nodes[0].children, model.nodes[0].weights, strict=True))
    assert abs(top - total(model, answers)) < Decimal("1e-20")


@given(st.lists(st.fixed_dictionaries({"技术支撑能力": HUNDREDTHS, "场景创新能力": HUNDREDTHS}), max_size=5))
@settings(max_examples=25, deadline=None)
def test_a_batch_is_its_members(batch: list[dict[str, Any]]) -> None:
    model = library().get("industrial-brain").model
    assert [lean.total for lean in score_many(model, batch, TODAY)] == [score(model, answers, TODAY).total for answers in batch]


@given(
    st.dictionaries(
        st.sampled_from([f"JSSF-{n:02}" for n in range(1, 41)]), st.sampled_from(["车间", "基础", "先进", "卓越", "领航", "否"])
    )
)
@settings(max_examples=25, deadline=None)
def test_a_claimed_level_is_reached_or_the_next_lower_one_that_asks_something(claims: dict[str, str]) -> None:

    result = shipped("smart-factory", claims)
    order = ["车间", "基础", "先进", "卓越", "领航"]
    for node in result.nodes:
        if node.level is not None:
            assert order.index(node.level) <= order.index(claims[node.id])


def test_answers_are_resolved_once() -> None:
    model = library().get("industrial-brain").model
    assert set(resolve(model, {"算力调度平台": 5}, TODAY).scored) == {model.names["算力调度平台"]}
