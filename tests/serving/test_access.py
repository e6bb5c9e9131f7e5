"""What can be asked for in the library, and that everything shares one memory of who speaks."""

from datetime import UTC, datetime

from domain.clause import Passage
from domain.principal import PUBLIC, Label, Place, Principal, may_read
from knowledge.library import Document, Library
from records.accounts import NewAccount
from records.database import Database
from records.grant_rows import NewGrantRequest
from records.passwords import PasswordCost
from serving.access import AccessSettings, library_assets, open_access

CONSOLE = Principal(id="console", tenant="锻造厂", roles=frozenset({"system_admin"}))


def document(document_id: str, label: Label, owner: str, collection: str = "drawings") -> Document:
    return Document(
        id=document_id,
        key=document_id,
        title="图纸",
        collection=collection,
        name="图纸.txt",
        content_hash=document_id,
        state="ready",
        label=label,
        created_at=datetime.now(UTC),
        created_by=owner,
    )


async def test_a_document_of_the_library_can_be_asked_for_and_read() -> None:
    database = Database("sqlite://")
    database.upgrade()
    library = Library(database)
    assets = library_assets(library)
    settings = AccessSettings(tenant="锻造厂", password=PasswordCost(passes=1, memory_kib=64))
    access = open_access(database, settings, assets, lambda door: lambda deed, connection: None)
    people: dict[str, Principal] = {}
    for name in ("anna", "boris"):
        account, _ = access.accounts.create(NewAccount(name=name), CONSOLE)
        people[name] = access.speakers.principal(account.id, "锻造厂")
    secret = Label(level="private", tenant="锻造厂", parties=frozenset({people["boris"].id}))
    library.add(document("d1", secret, people["boris"].id), [])
    library.add(document("d2", Label(level="restricted", tenant="纺织厂"), "eve", "letters"), [])
    library.add(document("d3", Label(level="restricted", tenant="锻造厂"), people["boris"].id), [])

    assert assets("object", "d2", "锻造厂") is assets("object", "none", "锻造厂") is assets("collection", "letters", "锻造厂") is None
    assert assets("object", "d1", "锻造厂").owner == people["boris"].id  # pyright: ignore[reportOptionalMemberAccess]
    assert assets("collection", "drawings", "锻造厂").level == "restricted"  # pyright: ignore[reportOptionalMemberAccess]

    wish = NewGrantRequest(kind="object", target="d1", purpose="核对", days=3)
    access.grants.decide(access.grants.request(wish, people["anna"]).id, "grant", people["boris"])
    reader = access.speakers.principal(people["anna"].id, "锻造厂")
    assert may_read(reader, secret, Place("d1", "drawings"))
    assert {found.id for found in library.documents(reader)} == {"d1", "d3"}
    assert {found.id for found in library.documents(people["anna"])} == {"d3"}

    place = {"id": "d1#0", "clause_id": "d1", "document_id": "d1", "title": "图纸", "path": [], "text": "图纸"}
    passage = Passage.model_validate(place | {"kind": "clause", "source": "document", "order": 0, "label": secret})
    public = passage.model_copy(update={"document_id": "open", "label": PUBLIC})
    access.note_passages(reader, [passage, passage, public], "http")
    guard = Principal(id="guard", tenant="锻造厂", roles=frozenset({"security_admin"}))
    assert [(use.target, use.level, use.door) for use in access.usage.list_uses(guard)] == [("d1", "private", "http")]
    await access.close()
    database.close()
