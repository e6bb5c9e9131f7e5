"""The file can be queried, changed and traced (可查询、可更新、可追溯, TISC-7.2.4-d)."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, select, text

from domain.errors import Conflict, NotAllowed, NotFound, PlatformError, StorageError, UserInputError
from domain.principal import Principal
from records.audit_tables import ENTRIES
from records.enterprises.ledger import Because
from records.enterprises.ratings import RatingDecision
from records.enterprises.search import EnterpriseQuery
from records.enterprises.tables import EVENTS

from ..people import ANNA, AUDITOR, BORIS, CHIEF, NAMESAKE, NOBODY
from .files import CALLED, EXPERT, RATING, Files, code


def test_what_was_given_is_read_and_the_rest_is_unknown(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密机械有限公司", uscc=code(1).lower(), industry_code="34", revenue="1.2亿元", employees=320)
    read = files.store.get(file.id, CHIEF)
    assert (read.profile.uscc, read.profile.industry_code, str(read.profile.revenue)) == (code(1), "C34", "1.2亿元")
    assert (read.owner, read.version, read.level, read.status) == ("anna", 1, "restricted", "active")
    assert read.profile.region is None
    assert read.profile.pain_points == ()


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("uscc", code(1)[:-1] + ("0" if code(1)[-1] != "0" else "1"), "校验位"),
        ("uscc", "12345", "校验位"),
        ("industry_code", "C51", "没有行业代码"),
        ("industry_code", "Z", "没有行业代码"),
        ("industry_code", "C3", "2 到 4 位"),
        ("employees", -3, "负数"),
        ("employees", 3.5, "整数"),
        ("revenue", "很多", "金额"),
        ("revenue", "300", "单位"),
        ("chain_position", "老大", "链主"),
        ("operating_modes", {"炒股": "是"}, "经营模式"),
        ("favourite_colour", "红", "没有这个字段"),
        ("name", "  ", "不能为空"),
    ],
)
def test_a_wrong_field_is_named_with_its_cure_and_nothing_is_stored(files: Files, field: str, value: object, what: str) -> None:
    with pytest.raises(UserInputError) as caught:
        files.store.create({"name": "某厂", field: value}, ANNA, door="http")
    [detail] = caught.value.detail
    assert field in detail.where
    assert what in detail.what
    assert detail.cure
    assert files.present() == ({}, {})


def test_a_change_says_who_and_why_and_keeps_what_was_there(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密机械", region="江苏省苏州市")
    because = Because(why="年报更新", source="document:年报2025")
    files.store.update(file.id, {"employees": 320, "region": None}, CHIEF, because, version=1, door="http")
    newest, first = files.store.history(file.id, ANNA)
    assert (newest.by, newest.why, newest.source, newest.what) == ("chief", "年报更新", "document:年报2025", "修改")
    assert {(c.field, c.name, c.old, c.new) for c in newest.changes} == {
        ("employees", "从业人员", None, 320),
        ("region", "所在地区", "江苏省苏州市", None),
    }
    assert (first.by, first.what, first.source) == ("anna", "建立档案", "person:anna")
    assert [each.id for each in files.store.history(file.id, ANNA, before=newest.id)] == [first.id]


def test_a_change_without_a_reason_is_refused(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密机械")
    with pytest.raises(UserInputError, match="原因"):
        files.store.update(file.id, {"employees": 3}, ANNA, Because(why=" "), version=1, door="http")


def test_whoever_saw_an_older_version_changes_nothing(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密机械")
    files.change(file, ANNA, employees=10)
    with pytest.raises(Conflict, match="第 2 版"):
        files.store.update(file.id, {"employees": 20}, CHIEF, CALLED, version=1, door="http")
    assert files.store.get(file.id, ANNA).profile.employees == 10


def test_a_change_with_one_wrong_field_applies_nothing(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密机械")
    with pytest.raises(UserInputError):
        files.change(file, ANNA, employees=20, uscc="错")
    assert files.store.get(file.id, ANNA) == file
    assert len(files.store.history(file.id, ANNA)) == 1


def test_a_change_that_changes_nothing_is_not_said(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密机械", employees=20)
    assert files.change(file, ANNA, employees=20).version == 1
    assert len(files.store.history(file.id, ANNA)) == 1


def test_one_credit_code_has_one_file(files: Files) -> None:
    first = files.begin(ANNA, "昆山精密机械", uscc=code(1))
    with pytest.raises(Conflict, match="已有档案") as caught:
        files.begin(BORIS, "昆山精密", uscc=code(1))
    assert first.id in caught.value.detail[0].cure
    other = files.begin(BORIS, "昆山精密")
    with pytest.raises(Conflict):
        files.change(other, BORIS, uscc=code(1))
    files.begin(NAMESAKE, "昆山精密机械", uscc=code(1))


def test_events_cannot_be_deleted(files: Files) -> None:
    files.begin(ANNA, "昆山精密机械")
    with pytest.raises((Conflict, StorageError, PlatformError)), files.database.transaction(write=True) as connection:
        connection.execute(delete(EVENTS))
    assert len(files.replayed()[0]) == 1


def test_every_write_is_in_the_audit_with_names_of_fields_and_no_content(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密机械", employees=10)
    files.change(file, ANNA, region="江苏省")
    files.add(file, "contact", ANNA, name="王工", phone="13800001234")
    files.decide(files.ratings.propose(file.id, RATING, ANNA, door="http"), "confirm", EXPERT)
    other = files.begin(ANNA, "昆山精密")
    event = files.merging.merge(file.id, other.id, CHIEF, CALLED, door="cli")
    files.merging.undo(event, CHIEF, CALLED, door="cli")
    with files.database.transaction() as connection:
        rows = connection.execute(select(ENTRIES.c.action, ENTRIES.c.actor, ENTRIES.c.detail).order_by(ENTRIES.c.seq)).all()
    assert [(row.action, row.actor) for row in rows] == [
        ("enterprise.create", "anna"),
        ("enterprise.change", "anna"),
        ("enterprise.change", "anna"),
        ("rating.propose", "anna"),
        ("rating.decide", "ema"),
        ("enterprise.create", "anna"),
        ("enterprise.merge", "chief"),
        ("enterprise.unmerge", "chief"),
    ]
    everything = " ".join(row.detail for row in rows)
    assert "region" in everything
    assert not [word for word in ("昆山", "江苏", "王工", "1380") if word in everything]


def test_a_refused_change_leaves_no_entry(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密机械")
    with pytest.raises(NotAllowed):
        files.change(file, BORIS, employees=3)
    with files.database.transaction() as connection:
        assert connection.execute(select(ENTRIES.c.action)).scalars().all() == ["enterprise.create"]


# who may


def test_staff_read_their_tenants_files_and_change_their_own(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密机械")
    assert not files.store.get(file.id, BORIS).writable
    with pytest.raises(NotAllowed):
        files.add(file, "need", BORIS, title="排产")
    files.store.assign(file.id, "boris", CHIEF, CALLED, door="http")
    assert files.add(file, "need", BORIS, title="排产").content["title"] == "排产"
    with pytest.raises(NotAllowed):
        files.change(file, ANNA, employees=3)


def test_a_private_file_is_for_its_maker(files: Files) -> None:
    file = files.store.create({"name": "保密客户"}, ANNA, door="http", level="private")
    assert files.store.get(file.id, ANNA).level == "private"
    for who in (BORIS, CHIEF):
        with pytest.raises(NotFound):
            files.store.get(file.id, who)
        assert files.store.search(EnterpriseQuery(text="保密"), who).enterprises == []
    assert [each.id for each in files.store.search(EnterpriseQuery(text="保密"), ANNA).enterprises] == [file.id]


def test_a_file_that_asks_for_attributes(files: Files) -> None:
    holder = ANNA.model_copy(update={"attributes": frozenset({"军工"})})
    file = files.store.create({"name": "军工配套厂"}, holder, door="http", attributes=frozenset({"军工"}))
    with pytest.raises(NotFound):
        files.store.get(file.id, CHIEF)
    with pytest.raises(UserInputError):
        files.store.create({"name": "别的厂"}, BORIS, door="http", attributes=frozenset({"军工"}))


@pytest.mark.parametrize(
    "who", [AUDITOR, NOBODY, Principal(id="x", tenant="锻造厂"), Principal(id="d", tenant="锻造厂", roles=frozenset({"system_admin"}))]
)
def test_roles_that_have_nothing_to_do_with_files(files: Files, who: Principal) -> None:
    file = files.begin(ANNA, "昆山精密机械")
    for call in every_way(files, file.id, file.id, file.id):
        with pytest.raises(NotAllowed):
            call(who)


def every_way(files: Files, file_id: str, item_id: str, event_id: str) -> list[Callable[[Principal], object]]:
    """Everything that takes an id of a file, an item or an event."""
    decision = RatingDecision(decision="confirm", version=1)
    return [
        lambda who: files.store.get(file_id, who),
        lambda who: files.store.history(file_id, who),
        lambda who: files.store.search(EnterpriseQuery(), who, after=file_id),
        lambda who: files.store.update(file_id, {"employees": 1}, who, CALLED, version=1, door="http"),
        lambda who: files.store.assign(file_id, who.id, who, CALLED, door="http"),
        lambda who: files.relations.items(file_id, "contact", who),
        lambda who: files.relations.add(file_id, "need", {"title": "排产"}, who, door="http"),
        lambda who: files.relations.change(file_id, "need", item_id, {"title": "排产"}, who, version=1, door="http"),
        lambda who: files.relations.remove_contact(file_id, item_id, who, CALLED, door="http"),
        lambda who: files.ratings.propose(file_id, RATING, who, door="http"),
        lambda who: files.ratings.facts(file_id, who),
        lambda who: files.ratings.decide(file_id, item_id, decision, who, door="http"),
        lambda who: files.merging.merge(file_id, item_id, who, CALLED, door="http"),
        lambda who: files.merging.undo(event_id, who, CALLED, door="http"),
    ]


def test_another_tenants_ids_are_as_absent_as_ids_that_do_not_exist(files: Files) -> None:
    file, twin = files.begin(ANNA, "昆山精密机械"), files.begin(ANNA, "昆山精密")
    need = files.add(file, "need", ANNA, title="排产")
    event = files.merging.merge(file.id, twin.id, CHIEF, CALLED, door="http")
    foreign = every_way(files, file.id, need.id, event)
    absent = every_way(files, "0" * 32, "1" * 32, "2" * 32)
    before = files.present()
    for theirs, nobodys in zip(foreign, absent, strict=True):
        with pytest.raises(NotFound) as seen:
            theirs(NAMESAKE)
        with pytest.raises(NotFound) as expected:
            nobodys(NAMESAKE)
        assert seen.value.detail[0].where == expected.value.detail[0].where
    assert files.present() == before


def test_ids_of_another_file_in_the_place_of_ones_own(files: Files) -> None:
    """Somebody who may write one file reaches nothing of another through it."""
    theirs, mine = files.begin(ANNA, "昆山精密机械"), files.begin(NAMESAKE, "纺织一厂")
    need, contact = files.add(theirs, "need", ANNA, title="排产"), files.add(theirs, "contact", ANNA, name="王工")
    rating = files.ratings.propose(theirs.id, RATING, ANNA, door="http")
    first = files.store.history(theirs.id, ANNA)[-1]
    with pytest.raises(NotFound):
        files.relations.change(mine.id, "need", need.id, {"title": "x"}, NAMESAKE, version=1, door="http")
    with pytest.raises(NotFound):
        files.relations.remove_contact(mine.id, contact.id, NAMESAKE, CALLED, door="http")
    with pytest.raises(NotFound):
        files.ratings.decide(mine.id, rating.id, RatingDecision(decision="confirm", version=1), NAMESAKE, door="http")
    with pytest.raises(NotFound):
        files.store.history(mine.id, NAMESAKE, before=first.id)
    with pytest.raises(NotFound):
        files.merging.merge(mine.id, theirs.id, NAMESAKE, CALLED, door="http")
    assert files.relations.items(mine.id, "need", NAMESAKE, after=need.id) == []
    assert files.overview.alerts(NAMESAKE) == []


def test_how_contacts_are_reached_is_sealed_and_shown_to_those_who_keep_the_file(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密机械")
    files.add(file, "contact", ANNA, name="王工", role="厂长", phone="138 0000 1234", email="wang@example.com")
    [mine] = files.relations.items(file.id, "contact", ANNA)
    assert (mine.content["phone"], mine.content["email"]) == ("13800001234", "wang@example.com")
    [theirs] = files.relations.items(file.id, "contact", BORIS)
    assert (theirs.content["phone"], theirs.content["email"]) == ("138****1234", "w***@example.com")
    assert "13800001234" not in repr(files.store.history(file.id, ANNA))
    with files.database.transaction() as connection:
        for table in ("enterprise_contacts", "enterprise_events", "enterprise_items"):
            assert "13800001234" not in repr(connection.execute(text(f"SELECT * FROM {table}")).all())
