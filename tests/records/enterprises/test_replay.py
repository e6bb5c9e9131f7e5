"""The events are the truth: told again from the first, they give what the tables say."""

from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import PlatformError
from records.enterprises.history import masked
from records.enterprises.ratings import RatingDecision

from ..people import CHIEF
from .files import CALLED, RATING, Files, code

FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["昆山精密", "宁波纺织", "太仓锻压"]),
        "employees": st.none() | st.integers(0, 5000),
        "region": st.none() | st.sampled_from(["江苏省", "浙江省"]),
        "pain_points": st.lists(st.sampled_from(["停机多", "交期长", "报废多"]), max_size=3),
        "revenue": st.none() | st.just("300万元"),
        "uscc": st.none() | st.integers(1, 3).map(code),
    },
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.integers(0, 3), FIELDS),
        st.tuples(st.just("contact"), st.integers(0, 3), st.sampled_from(["13800001234", ""])),
        st.tuples(st.just("drop"), st.integers(0, 3), st.none()),
        st.tuples(st.just("need"), st.integers(0, 3), st.sampled_from(["新增", "已满足"])),
        st.tuples(st.just("rate"), st.integers(0, 3), st.sampled_from(["confirm", "correct", "withdraw"])),
        st.tuples(st.just("merge"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("undo"), st.integers(0, 3), st.none()),
    ),
    max_size=12,
)


def step(files: Files, ids: list[str], merges: list[str], kind: str, which: int, given_value: Any) -> None:
    file = files.store.get(ids[which], CHIEF)
    match kind:
        case "change":
            files.change(file, CHIEF, **given_value)
        case "contact":
            files.add(file, "contact", CHIEF, name="王工", phone=given_value)
        case "drop":
            for contact in files.relations.items(file.id, "contact", CHIEF)[:1]:
                files.relations.remove_contact(file.id, contact.id, CHIEF, CALLED, door="http")
        case "need":
            item = files.add(file, "need", CHIEF, title="排产")
            files.relations.change(file.id, "need", item.id, {"state": given_value}, CHIEF, version=1, door="http")
        case "rate":
            item = files.ratings.propose(file.id, RATING, CHIEF, door="http")
            value = "三级" if given_value == "correct" else ""
            decision = RatingDecision(decision=given_value, version=1, value=value, reason="核对")
            files.ratings.decide(file.id, item.id, decision, CHIEF, door="http")
        case "merge":
            merges.append(files.merging.merge(file.id, ids[given_value], CHIEF, CALLED, door="http"))
        case _:
            files.merging.undo(merges[-1] if merges else "0" * 32, CHIEF, CALLED, door="http")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(STEPS)
def test_replaying_the_events_gives_what_the_tables_say(files: Files, steps: list[tuple[str, int, Any]]) -> None:
    ids = [files.begin(CHIEF, name).id for name in ("昆山精密", "昆山精密机械", "宁波纺织", "太仓锻压")]
    merges: list[str] = []
    for kind, which, given_value in steps:
        with suppress(PlatformError):  # what is refused is not said
            step(files, ids, merges, kind, which, given_value)
        assert files.replayed() == files.present()


def test_masks_show_too_little_to_use() -> None:
    assert [masked(each) for each in ("", "13800001234", "110", "wang@example.com")] == ["", "138****1234", "11****", "w***@example.com"]
