"""Two files of one enterprise become one, and two again."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import Conflict, NotAllowed, UserInputError
from records.enterprises.ledger import Because
from records.enterprises.search import EnterpriseQuery

from ..people import ANNA, CHIEF
from .files import CALLED, RATING, Files, code


def test_the_kept_file_takes_what_it_does_not_know_and_all_that_belongs_to_the_other(files: Files) -> None:
    keep = files.begin(CHIEF, "昆山精密机械有限公司", employees=300, pain_points=["停机多"])
    other = files.begin(CHIEF, "昆山精密机械", uscc=code(1), employees=280, pain_points=["交期长", "停机多"], region="江苏省")
    files.add(other, "contact", CHIEF, name="王工", phone="13800001234")
    files.add(other, "need", CHIEF, title="排产")
    files.ratings.propose(other.id, RATING, CHIEF, door="http")
    files.merging.merge(keep.id, other.id, CHIEF, CALLED, door="http")
    now = files.store.get(keep.id, CHIEF)
    assert (now.profile.employees, now.profile.uscc, now.profile.region) == (300, code(1), "江苏省")
    assert now.profile.pain_points == ("停机多", "交期长")
    for kind in ("contact", "need", "rating"):
        assert len(files.relations.items(keep.id, kind, CHIEF)) == 1  # pyright: ignore[reportArgumentType]
        assert files.relations.items(other.id, kind, CHIEF) == []  # pyright: ignore[reportArgumentType]
    gone = files.store.get(other.id, CHIEF)
    assert (gone.status, gone.merged_into) == ("merged", keep.id)
    assert [each.id for each in files.store.search(EnterpriseQuery(text="昆山精密"), CHIEF).enterprises] == [keep.id]
    with pytest.raises(Conflict, match="已并入"):
        files.change(other, CHIEF, employees=1)


FILE = st.fixed_dictionaries(
    {"name": st.sampled_from(["昆山精密", "昆山精密机械"])},
    optional={
        "employees": st.integers(0, 9),
        "region": st.just("江苏省"),
        "pain_points": st.lists(st.sampled_from(["停机多", "交期长"]), unique=True),
        "operating_modes": st.dictionaries(st.sampled_from(["研发", "生产"]), st.sampled_from(["自主", "外协"])),
        "uscc": st.just(code(7)),
    },
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILE, FILE, st.integers(0, 2), st.integers(0, 2))
def test_merging_and_undoing_restores_both(files: Files, one: dict[str, object], two: dict[str, object], needs: int, contacts: int) -> None:
    one.pop("uscc", None)
    for old in files.store.search(EnterpriseQuery(), CHIEF, limit=200).enterprises:
        if old.uscc:
            files.change(old.id, CHIEF, uscc=None)
    keep, other = files.store.create(one, CHIEF, door="http"), files.store.create(two, CHIEF, door="http")
    for _ in range(needs):
        files.add(other, "need", CHIEF, title="排产")
    for _ in range(contacts):
        files.add(keep, "contact", CHIEF, name="李工")
        files.add(other, "contact", CHIEF, name="王工", email="w@example.com")
    before = files.present()
    event = files.merging.merge(keep.id, other.id, CHIEF, CALLED, door="http")
    files.merging.undo(event, CHIEF, Because(why="不是同一家"), door="http")
    after = files.present()
    assert after[1] == before[1]
    for file in (keep, other):
        same = {"version", "updated_at", "updated_by"}
        assert after[0][file.id].model_dump(exclude=same) == before[0][file.id].model_dump(exclude=same)
    newest = files.store.history(keep.id, CHIEF)[0]
    assert (newest.what, newest.supersedes, newest.other) == ("撤销合并", event, other.id)


def test_what_was_said_after_the_merge_stays_with_the_kept_file(files: Files) -> None:
    keep, other = files.begin(CHIEF, "昆山精密"), files.begin(CHIEF, "昆山精密机械", employees=280, region="江苏省")
    event = files.merging.merge(keep.id, other.id, CHIEF, CALLED, door="http")
    files.change(keep, CHIEF, employees=290)
    files.add(keep, "need", CHIEF, title="合并之后的需求")
    files.merging.undo(event, CHIEF, CALLED, door="http")
    now = files.store.get(keep.id, CHIEF)
    assert (now.profile.employees, now.profile.region) == (290, None)
    assert len(files.relations.items(keep.id, "need", CHIEF)) == 1
    assert files.store.get(other.id, CHIEF).profile.employees == 280
    with pytest.raises(Conflict, match="已经撤销"):
        files.merging.undo(event, CHIEF, CALLED, door="http")


def test_what_cannot_be_merged(files: Files) -> None:
    keep, other = files.begin(CHIEF, "昆山精密", uscc=code(1)), files.begin(CHIEF, "昆山精密", uscc=code(2))
    with pytest.raises(Conflict, match="信用代码不同"):
        files.merging.merge(keep.id, other.id, CHIEF, CALLED, door="http")
    with pytest.raises(UserInputError, match="自己"):
        files.merging.merge(keep.id, keep.id, CHIEF, CALLED, door="http")
    with pytest.raises(UserInputError, match="原因"):
        files.merging.merge(keep.id, other.id, CHIEF, Because(), door="http")
    mine = [files.begin(ANNA, "太仓锻压").id, files.begin(ANNA, "太仓锻压厂").id]
    with pytest.raises(NotAllowed):
        files.merging.merge(*mine, ANNA, CALLED, door="http")


def test_likely_duplicates_are_proposed(files: Files) -> None:
    files.begin(ANNA, "昆山精密机械（集团）有限公司", region="江苏省")
    files.begin(CHIEF, "昆山精密机械(集团)股份有限公司", region="江苏省")
    files.begin(CHIEF, "昆山精密机械集团", region="浙江省")
    private = files.store.create({"name": "太仓锻压", "uscc": code(3)}, ANNA, door="http", level="private")
    files.begin(CHIEF, "太仓锻压厂", uscc=code(3))
    [group] = files.merging.duplicates(CHIEF)
    assert (group.by, len(group.files)) == ("name", 2)
    assert private.id not in repr(files.merging.duplicates(CHIEF))
    assert [each.by for each in files.merging.duplicates(ANNA)] == ["uscc", "name", "name"]
