"""A table of enterprises becomes files: all of it or its good rows, every bad cell named, and the same table twice changes nothing."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import ColumnElement, Connection, select

from domain.errors import NotAllowed, PlatformError, ProblemDetail, UserInputError
from domain.permissions import require
from domain.principal import Principal, read_filter
from knowledge.readable import readable

from ..audit_entries import Door
from ..encoding import new_id, storable
from .items import Contact
from .ledger import Because, Change, Ledger, chunks
from .profile import Profile, field_problems, name_key
from .relations import put
from .sheet import Row, Table, read_table
from .store import begin, own_files_label, revise
from .tables import CONTACTS, FILES
from .vocabulary import sheet_rules, vocabulary

Mode = Literal["all", "good"]
"""all: one bad row, and nothing is stored. good: the good rows are stored."""
MOST_NAMED = 2_000


class ImportReport(BaseModel):
    """What became of a table. `problems`: each bad cell with its place and its cure."""

    model_config = ConfigDict(frozen=True)

    rows: int
    created: int
    updated: int
    unchanged: int
    failed: int
    problems: list[ProblemDetail]
    ignored: list[str]
    """Columns that nobody knows."""
    stored: bool
    source: str
    """How the history names this table."""


@dataclass
class _Line:
    """A row that can be stored."""

    row: Row
    fields: dict[str, Any]
    profile: Profile
    contact: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def key(self) -> str:
        return self.profile.uscc or f"{name_key(self.profile.name)} {self.profile.region or ''}"


@dataclass(frozen=True)
class _Known:
    """A file that a row could be about."""

    id: str
    uscc: str
    region: str


class Importer:
    """Raises NotAllowed for who may not write all files of the tenant."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def run(self, data: bytes, name: str, principal: Principal, *, mode: Mode, door: Door, dry_run: bool = False) -> ImportReport:
        """Begin or change a file for each row, in one transaction. Empty cells change nothing. `dry_run`: only look.

        A row is about the file with its credit code, or else about the one with the same name, but for spelling and endings, whose region
        does not contradict. Raises DocumentError, TooLarge, and for mode `all` UserInputError with every problem.
        """
        require(principal, "enterprises.write")
        table = read_table(data, name)
        problems: list[ProblemDetail] = []
        bad: set[str] = set()
        lines = list(_checked(table, problems, bad))
        source = f"import:{storable(name)[:120]}#{hashlib.sha256(data).hexdigest()[:12]}"
        counts = {"created": 0, "updated": 0, "unchanged": 0}
        store = not dry_run
        try:
            with self._ledger.change(
                principal, Because(why=f"导入 {storable(name)[:200]}", source=source), door, "enterprises.write"
            ) as change:
                _store_all(change, lines, counts, problems, bad)
                if dry_run or (mode == "all" and problems):
                    raise _NotStored
                change.note("enterprise.import", None, rows=len(table.rows), failed=len(bad), **counts)
        except _NotStored:
            store = False
        if mode == "all" and problems and not dry_run:
            raise UserInputError(f"表格有 {len(bad)} 行不对，没有导入", detail=problems[:MOST_NAMED])
        return ImportReport(
            rows=len(table.rows),
            **counts,
            failed=len(bad),
            problems=problems[:MOST_NAMED],
            ignored=table.ignored,
            stored=store,
            source=source,
        )


class _NotStored(Exception):
    """Ends the transaction with nothing stored."""


def _checked(table: Table, problems: list[ProblemDetail], bad: set[str]) -> Iterable[_Line]:
    """The rows that can be stored; what is wrong with the others goes to `problems`."""
    seen: dict[str, Row] = {}
    for row in table.rows:
        found = [ProblemDetail(where=row.place(cell), what=cell.wrong, cure=cell.cure) for cell in row.cells.values() if cell.wrong]
        line = None if found else _line(row, found)
        if line is not None and (first := seen.setdefault(line.key, row)) is not row:
            found.append(ProblemDetail(where=row.place(), what=f"与{first.place()}是同一家企业", cure="合并成一行"))
        if found:
            problems += found
            bad.add(row.place())
        elif line is not None:
            yield line


def _line(row: Row, problems: list[ProblemDetail]) -> _Line | None:
    fields: dict[str, Any] = {}
    for column in sheet_rules().columns:
        cell = row.cells.get(column.field)
        if cell is not None:
            fields[column.field] = _value(column.field, cell.text, column.list)
        elif column.required:
            problems.append(ProblemDetail(where=row.place(), what=f"没有填写{vocabulary().name_of(column.field)}", cure="补上这一项"))
    if problems:
        return None
    contact = {name.removeprefix("contact_"): cell.text for name, cell in row.cells.items() if name.startswith("contact_")}
    try:
        profile = Profile.model_validate(fields)
        contact = Contact.model_validate(contact).model_dump(mode="json") if contact else {}
    except ValidationError as error:
        problems += _placed(row, error, "contact_" if error.title == Contact.__name__ else "")
        return None
    return _Line(row, fields, profile, contact)


def _placed(row: Row, error: ValidationError, prefix: str) -> Iterable[ProblemDetail]:
    """Problems of fields as problems of cells."""
    for each, detail in zip(error.errors(), field_problems(error), strict=False):
        cell = row.cells.get(f"{prefix}{each['loc'][0]}") if each["loc"] else None
        shown = f"{detail.what}：{cell.text[:40]}" if cell else f"{detail.where}{detail.what}"
        yield ProblemDetail(where=row.place(cell), what=shown, cure=detail.cure)


def _value(name: str, text: str, is_list: bool) -> Any:
    rules = sheet_rules()
    if not (is_list or name == "operating_modes"):
        return text
    for separator in rules.separators[1:]:
        if is_list or separator != "、":
            text = text.replace(separator, rules.separators[0])
    parts = [part.strip() for part in text.split(rules.separators[0]) if part.strip()]
    if is_list:
        return parts
    pairs = (part.replace(":", rules.modes_separator).partition(rules.modes_separator) for part in parts)
    return {mode.strip(): said.strip() for mode, _, said in pairs}


def _store_all(change: Change, lines: list[_Line], counts: dict[str, int], problems: list[ProblemDetail], bad: set[str]) -> None:
    known = _Files(change, lines)
    label = own_files_label(change.principal)
    change.workspace.load(known.ids())
    contacts = _contacts(change.connection, known.ids())
    for line in lines:
        try:
            file_id = known.about(line)
            if file_id is None:
                file_id, what = begin(change, line.profile, label), "created"
            else:
                what = "updated" if revise(change, change.file(file_id), line.fields) else "unchanged"
            if line.contact and _put_contact(change, file_id, line.contact, contacts) and what == "unchanged":
                what = "updated"
        except PlatformError as error:
            if isinstance(error, NotAllowed):
                raise
            cure = error.detail[0].cure if error.detail else ""
            problems.append(ProblemDetail(where=line.row.place(), what=error.message, cure=cure))
            bad.add(line.row.place())
        else:
            counts[what] += 1


class _Files:
    """Which file each row is about, found with few statements."""

    def __init__(self, change: Change, lines: list[_Line]) -> None:
        self._by_code: dict[str, list[_Known]] = {}
        self._by_name: dict[str, list[_Known]] = {}
        self._change = change
        codes = sorted({line.profile.uscc for line in lines if line.profile.uscc})
        names = sorted({name_key(line.profile.name) for line in lines})
        for wanted, column in ((codes, FILES.c.uscc), (names, FILES.c.name_key)):
            for some in chunks(wanted):
                self._read(column.in_(some))

    def _read(self, chosen: ColumnElement[bool]) -> None:
        principal = self._change.principal
        ours = (FILES.c.label_tenant == principal.tenant, FILES.c.state == "active", readable(read_filter(principal), FILES.c))
        query = select(FILES.c.id, FILES.c.uscc, FILES.c.region, FILES.c.name_key).where(chosen, *ours).order_by(FILES.c.seq)
        for row in self._change.connection.execute(query):
            known = _Known(row.id, row.uscc, row.region)
            for index, key in ((self._by_code, row.uscc), (self._by_name, row.name_key)):
                if key and known not in index.setdefault(key, []):
                    index[key].append(known)

    def ids(self) -> list[str]:
        return sorted({known.id for index in (self._by_code, self._by_name) for each in index.values() for known in each})

    def about(self, line: _Line) -> str | None:
        """None for an enterprise that has no file yet. Raises UserInputError where several files fit."""
        code, region = line.profile.uscc or "", line.profile.region or ""
        if same := self._by_code.get(code, []):
            return same[0].id
        named = [
            known
            for known in self._by_name.get(name_key(line.profile.name), [])
            if not (code and known.uscc) and (not region or not known.region or region == known.region)
        ]
        if len(named) > 1:
            shown = "、".join(known.id for known in named[:5])
            raise UserInputError(
                "有多份同名的档案，不能确定是哪一份", where="name", cure=f"填写统一社会信用代码或所在地区，或先合并 {shown}"
            )
        return named[0].id if named else None


def _contacts(connection: Connection, file_ids: list[str]) -> dict[tuple[str, str], str]:
    """File and name of each contact, with its id."""
    found: dict[tuple[str, str], str] = {}
    for some in chunks(file_ids):
        query = select(CONTACTS.c.enterprise, CONTACTS.c.name, CONTACTS.c.id).where(CONTACTS.c.enterprise.in_(some)).order_by(CONTACTS.c.id)
        found.update({(row.enterprise, row.name): row.id for row in connection.execute(query)})
    return found


def _put_contact(change: Change, file_id: str, given: Mapping[str, str], known: dict[tuple[str, str], str]) -> bool:
    """Whether it is new or different; what is not given stays."""
    file = change.file(file_id)
    contact_id = known.setdefault((file_id, given["name"]), "")
    before = change.workspace.item(contact_id, "contact") if contact_id else None
    body = {name: value or (before.body[name] if before else "") for name, value in given.items()}
    if before is not None and before.body == body:
        return False
    known[file_id, given["name"]] = put(change, file, "contact", contact_id or new_id(), body, before).id
    return True
