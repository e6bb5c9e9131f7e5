"""One transaction's work on files: what is read is kept, what is changed is written at the end, many rows with one statement."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, bindparam, delete, insert, select, update

from domain.principal import Label

from ..content import Content
from ..encoding import decode, encode
from .items import MODELS, Assessment, ItemKind, Need
from .profile import Profile, name_key
from .projection import Event, FileState, ItemState, apply
from .search import put_documents, replace_documents, tokens_of
from .segments import facts_of, segments_of, size_of
from .tables import CONTACTS, EVENTS, FILES, ITEMS
from .vocabulary import vocabulary

CHUNK = 500
STAMPS = ("version", "created_at", "created_by", "updated_at", "updated_by")
COLLECTION = "enterprises"
"""The collection that grants can name."""
CONTACT_FIELDS = ("name", "role", "preferences")


class Workspace:
    """A `View` on the database's tables. Files that are read through it are locked until the transaction ends (PostgreSQL)."""

    def __init__(self, connection: Connection, content: Content) -> None:
        self.connection = connection
        self._content = content
        self._files: dict[str, FileState | None] = {}
        self._seqs: dict[str, int] = {}
        self._items: dict[str, ItemState | None] = {}
        self._events: list[Event] = []
        self._changed: dict[str, None] = {}
        self._changed_items: dict[str, None] = {}
        self._stored_items: set[str] = set()
        self._dropped: list[tuple[str, ItemKind]] = []

    def record(self, event: Event) -> None:
        """Say it and bring the present up to date."""
        self._events.append(event)
        apply(event, self)

    def load(self, file_ids: Iterable[str]) -> None:
        """Read several files with few statements."""
        wanted = [each for each in file_ids if each not in self._files]
        self._files.update(dict.fromkeys(wanted))
        for start in range(0, len(wanted), CHUNK):
            chosen = select(FILES).where(FILES.c.id.in_(wanted[start : start + CHUNK])).order_by(FILES.c.seq).with_for_update()
            for row in self.connection.execute(chosen).mappings():
                self._files[row["id"]], self._seqs[row["id"]] = file_state(row), row["seq"]

    def file(self, file_id: str) -> FileState | None:
        self.load([file_id])
        return self._files[file_id]

    def put_file(self, file: FileState) -> None:
        self._files[file.id] = file
        self._changed[file.id] = None

    def item(self, item_id: str, kind: ItemKind) -> ItemState | None:
        if item_id not in self._items:
            of = CONTACTS if kind == "contact" else ITEMS
            query = select(of).where(of.c.id == item_id)
            row = self.connection.execute(query if of is CONTACTS else query.where(of.c.kind == kind)).mappings().one_or_none()
            self._items[item_id] = item_state(row, self._content) if row is not None else None
            if row is not None:
                self._stored_items.add(item_id)
        found = self._items[item_id]
        return found if found is not None and found.kind == kind else None

    def put_item(self, item: ItemState) -> None:
        self._items[item.id] = item
        self._changed_items[item.id] = None

    def drop_item(self, item_id: str, kind: ItemKind) -> None:
        self._items[item_id] = None
        self._changed_items.pop(item_id, None)
        self._dropped.append((item_id, kind))

    def flush(self) -> None:
        """Write it all."""
        if self._events:
            self.connection.execute(insert(EVENTS), [self._event_row(event) for event in self._events])
        self._insert_files()
        self._write_items()
        self._write_files()

    def _event_row(self, event: Event) -> dict[str, Any]:
        plain = event.model_dump(exclude={"payload"})
        return plain | {"payload": self._content.enterprise_event.seal(event.id, encode(event.payload))}

    def _insert_files(self) -> None:
        """New files first, because items refer to them."""
        new = [file for file_id in self._changed if file_id not in self._seqs and (file := self._files[file_id]) is not None]
        if not new:
            return
        derived = {file.id: _derived(file, (), "") for file in new}
        self.connection.execute(insert(FILES), [_file_row(file, derived[file.id][0]) for file in new])
        for start in range(0, len(new), CHUNK):
            names = [file.id for file in new[start : start + CHUNK]]
            found = self.connection.execute(select(FILES.c.id, FILES.c.seq).where(FILES.c.id.in_(names)))
            self._seqs.update({row.id: row.seq for row in found})
        put_documents(self.connection, {self._seqs[file.id]: derived[file.id][1] for file in new})
        busy = {item.enterprise for each in self._changed_items if (item := self._items[each]) is not None}
        for file in new:
            if file.id not in busy:
                del self._changed[file.id]

    def _write_items(self) -> None:
        for item_id, kind in self._dropped:
            of = CONTACTS if kind == "contact" else ITEMS
            self.connection.execute(delete(of).where(of.c.id == item_id))
        for of in (CONTACTS, ITEMS):
            items = [item for item_id in self._changed_items if (item := self._items[item_id]) is not None]
            rows = [item_row(item, self._content) for item in items if (item.kind == "contact") == (of is CONTACTS)]
            _put(self.connection, of, [row for row in rows if row["id"] in self._stored_items], rows)

    def _write_files(self) -> None:
        changed = [file for file_id in self._changed if (file := self._files[file_id]) is not None]
        facts = current_facts(self.connection, [file.id for file in changed])
        derived = {file.id: _derived(file, *facts.get(file.id, ((), ""))) for file in changed}
        rows = [_file_row(file, derived[file.id][0]) for file in changed]
        _put(self.connection, FILES, rows, rows)
        replace_documents(self.connection, {self._seqs[file.id]: derived[file.id][1] for file in changed})
        self._changed.clear()


def _derived(file: FileState, needs: Sequence[str], assessed: str) -> tuple[dict[str, Any], str]:
    """The columns and the search document that follow from a file, its open needs and its newest assessment."""
    profile = Profile.model_validate(file.profile)
    values = {key: each.values for key, each in segments_of(facts_of(profile, needs, assessed)).items()}
    columns = {"chain": values["chain"][0], "maturity": values["maturity"][0], "size": size_of(profile).value}
    return columns | {"demand": encode(values["demand"])}, tokens_of(profile, file.label, file.owner, file.status, values)


def current_facts(connection: Connection, file_ids: Sequence[str]) -> dict[str, tuple[tuple[str, ...], str]]:
    """Texts of open needs, and scale/level of the newest assessment, of each file that has some."""
    needs: dict[str, list[str]] = {}
    newest: dict[str, tuple[str, str]] = {}
    for start in range(0, len(file_ids), CHUNK):
        chosen = ITEMS.c.enterprise.in_(file_ids[start : start + CHUNK]), ITEMS.c.kind.in_(("need", "assessment"))
        query = select(ITEMS.c.enterprise, ITEMS.c.kind, ITEMS.c.body).where(*chosen).order_by(ITEMS.c.id)
        for file_id, kind, body in connection.execute(query):
            if kind == "need":
                need = Need.model_validate(decode(body))
                if need.state in vocabulary().open_need_states:
                    needs.setdefault(file_id, []).append(f"{need.title} {need.detail}".strip())
                continue
            result = Assessment.model_validate(decode(body))
            if result.level and result.on.isoformat() >= newest.get(file_id, ("", ""))[0]:
                newest[file_id] = result.on.isoformat(), f"{result.scale or result.assessment}/{result.level}"
    return {each: (tuple(needs.get(each, ())), newest.get(each, ("", ""))[1]) for each in {*needs, *newest}}


def file_state(row: RowMapping) -> FileState:
    label = Label(
        level=row["label_level"],
        tenant=row["label_tenant"],
        attributes=frozenset(decode(row["label_attributes"])),
        parties=frozenset(decode(row["label_parties"])),
    )
    return FileState(
        id=row["id"],
        label=label,
        owner=row["owner"],
        status=row["state"],
        merged_into=row["merged_into"],
        profile=decode(row["profile"]),
        **{name: row[name] for name in STAMPS},
    )


def _file_row(file: FileState, derived: dict[str, Any]) -> dict[str, Any]:
    profile = file.profile
    return {
        "id": file.id,
        "collection": COLLECTION,
        "label_level": file.label.level,
        "label_tenant": file.label.tenant,
        "label_attributes": encode(sorted(file.label.attributes)),
        "label_parties": encode(sorted(file.label.parties)),
        "name": profile["name"],
        "name_key": name_key(profile["name"]),
        **{column: profile.get(field) or "" for column, field in (("uscc", "uscc"), ("region", "region"), ("industry", "industry_code"))},
        **derived,
        "owner": file.owner,
        "state": file.status,
        "merged_into": file.merged_into,
        "profile": encode(profile),
        **{name: getattr(file, name) for name in STAMPS},
    }


def item_state(row: RowMapping, content: Content) -> ItemState:
    if "body" in row:
        kind, body = row["kind"], decode(row["body"])
    else:
        reach = {"phone": content.contact_phone, "email": content.contact_email}
        kind = "contact"
        body = {name: row[name] for name in CONTACT_FIELDS} | {name: of.open(row["id"], row[name]) for name, of in reach.items()}
    same = {name: row[name] for name in ("id", "enterprise", "tenant", *STAMPS)}
    return ItemState(kind=kind, body=body, **same)


def item_row(item: ItemState, content: Content) -> dict[str, Any]:
    row = {name: getattr(item, name) for name in ("id", "enterprise", "tenant", *STAMPS)}
    if item.kind == "contact":
        sealed = {"phone": content.contact_phone, "email": content.contact_email}
        return row | {name: item.body[name] for name in CONTACT_FIELDS} | {n: of.seal(item.id, item.body[n]) for n, of in sealed.items()}
    model = MODELS[item.kind].model_validate(item.body)
    return row | {"kind": item.kind, "state": model.state_now(), "due": model.due_by(), "body": encode(item.body)}


def _put(connection: Connection, of: Table, stored: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Update what is stored, insert the rest."""
    known = {row["id"] for row in stored}
    new = [row for row in rows if row["id"] not in known]
    if new:
        connection.execute(insert(of), new)
    if stored:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in stored[0] if name != "id"}
        statement = update(of).where(of.c.id == bindparam("this_id")).values(values)
        connection.execute(statement, [{"this_id": row["id"]} | {f"new_{n}": v for n, v in row.items() if n != "id"} for row in stored])
