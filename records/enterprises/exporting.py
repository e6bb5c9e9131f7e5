"""Files as a table for people: the template that can be filled in, and what a principal may read, in the same columns."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

from domain.errors import TooLarge
from domain.money import Money
from domain.permissions import may
from domain.principal import Principal

from ..audit_entries import Door, NewEntry
from .ledger import Ledger
from .profile import Profile
from .relations import RelationStore
from .search import EnterpriseQuery
from .sheet import safe_text, title_of
from .store import MOST, EnterpriseStore
from .vocabulary import SheetColumn, industries, sheet_rules, vocabulary

SHEET, ABOUT = "企业档案", "填写说明"
CHOICES = {"chain_position": "chain_positions", "life_stage": "life_stages"}


class Exporter:
    """Raises NotAllowed for who may not read enterprise files."""

    def __init__(self, ledger: Ledger, store: EnterpriseStore, relations: RelationStore) -> None:
        self._ledger, self._store, self._relations = ledger, store, relations

    def template(self) -> bytes:
        """An empty table with every column, and a sheet that explains them."""
        return _book(_columns(contacts=True), [])

    def run(self, query: EnterpriseQuery, principal: Principal, *, door: Door) -> bytes:
        """The files that fit and that the principal may read; that they left is on record before they do.

        With a contact of each for those who may write all files. Raises TooLarge for more than one table holds.
        """
        contacts = may(principal, "enterprises.write")
        columns, limit = _columns(contacts=contacts), sheet_rules().limits.rows
        rows: list[list[str | float | None]] = []
        after = ""
        while True:
            page = self._store.search(query, principal, after=after, limit=MOST)
            profiles = self._store.profiles([listed.id for listed in page.enterprises], principal)
            rows += [self._row(listed.id, profiles[listed.id], columns, principal) for listed in page.enterprises if listed.id in profiles]
            if len(rows) > limit:
                raise TooLarge(f"超过 {limit} 份档案", where="query", cure="按地区、行业等条件分批导出")
            if not (after := page.next):
                break
        detail = {"rows": len(rows), "query": query.model_dump(exclude_defaults=True), "contacts": contacts}
        self._ledger.record(NewEntry(principal=principal, action="data.export", door=door, object_kind="enterprise", detail=detail))
        return _book(columns, rows)

    def _row(self, file_id: str, profile: Profile, columns: Sequence[SheetColumn], principal: Principal) -> list[str | float | None]:
        known: dict[str, Any] = {name: getattr(profile, name) for name in type(profile).model_fields}
        if any(column.field.startswith("contact_") for column in columns):
            for contact in self._relations.items(file_id, "contact", principal, limit=1):
                known |= {f"contact_{name}": value for name, value in contact.content.items()}
        return [shown(known.get(column.field)) for column in columns]


def shown(value: Any) -> str | float | None:
    """A field as a cell: text that nothing computes, or a plain number."""
    rules = sheet_rules()
    if value is None or value == "":
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Money):
        return str(value)
    if isinstance(value, dict):
        pairs: dict[str, str] = value
        value = rules.separators[0].join(f"{name}{rules.modes_separator}{said}" for name, said in pairs.items())
    elif isinstance(value, tuple):
        items: tuple[str, ...] = value
        value = rules.separators[0].join(items)
    return safe_text(str(value)) or None


def _columns(*, contacts: bool) -> list[SheetColumn]:
    rules = sheet_rules()
    return [*rules.columns, *(rules.contacts if contacts else ())]


def _book(columns: Sequence[SheetColumn], rows: Iterable[Sequence[str | float | None]]) -> bytes:
    from openpyxl import Workbook  # noqa: PLC0415 - takes 0.3 s, and only this needs it
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415
    from openpyxl.styles import Font  # noqa: PLC0415

    book = Workbook(write_only=True)
    sheet = book.create_sheet(SHEET)
    sheet.freeze_panes = "B2"
    bold = Font(bold=True)

    def cell(value: str | float | None, target: Any, *, strong: bool = False) -> Any:
        made = WriteOnlyCell(target, ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value)
        if isinstance(value, str):
            made.data_type = "s"
        if strong:
            made.font = bold
        return made

    for place, column in enumerate(columns):
        sheet.column_dimensions[chr(65 + place) if place < 26 else f"A{chr(39 + place)}"].width = max(12, 2 * len(title_of(column)))
    sheet.append([cell(title_of(column), sheet, strong=True) for column in columns])
    for row in rows:
        sheet.append([cell(value, sheet) for value in row])
    about = book.create_sheet(ABOUT)
    for width, letter in ((20, "A"), (8, "B"), (60, "C"), (60, "D")):
        about.column_dimensions[letter].width = width
    about.append([cell(text, about, strong=True) for text in ("列", "必填", "怎么填", "也认得的列名")])
    for column in columns:
        texts = (title_of(column), "是" if column.required else "", _about(column), "、".join(column.also))
        about.append([cell(text, about) for text in texts])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _about(column: SheetColumn) -> str:
    if column.field in CHOICES:
        return "、".join(getattr(vocabulary(), CHOICES[column.field]))
    if column.field == "industry_code":
        return f"{column.about}。门类：" + "；".join(f"{letter} {each.name}" for letter, each in industries().sections.items())
    return column.about
