"""Everything about who may do what, opened together: accounts, credentials, authorisations, use of data and alerts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.clause import Passage
from domain.principal import Principal, TargetKind
from knowledge.library import Library
from records.accounts import AccountStore
from records.administrators import AdministratorStore
from records.alerts import UsageWatch
from records.api_keys import ApiKeyStore
from records.audit_entries import Door
from records.database import Database
from records.grant_rows import Asset, Assets
from records.grants import GrantStore
from records.identities import IdentityStore, SignInStore
from records.login import Backoff, LoginDesk
from records.passwords import PasswordCost, Passwords
from records.sessions import SessionPolicy, SessionStore
from records.speakers import Speakers
from records.usage import UsageLog

from .clock import utc_now
from .credentials import Cookies, CredentialReader
from .deeds import Audits
from .fetching import Fetcher, FetchPolicy
from .oidc import OidcSettings, OidcSignIn


class AccessSettings(BaseModel):
    """How people log in (`SHUZHI_ACCESS__…`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: str = "local"
    """The enterprise of a login that names none."""
    password: PasswordCost = PasswordCost()
    session: SessionPolicy = SessionPolicy()
    backoff: Backoff = Backoff()
    secure_cookies: bool = True
    """False only for development over plain http."""
    origins: tuple[str, ...] = ()
    """Origins of our pages, such as `https://zhushou.example.com`; empty: whatever host is asked."""
    oidc: OidcSettings | None = None
    fetch: FetchPolicy = FetchPolicy()


@dataclass
class Stores:
    """What changes something, for one door: its deeds are recorded with that."""

    accounts: AccountStore
    administrators: AdministratorStore
    sessions: SessionStore
    keys: ApiKeyStore
    login: LoginDesk
    grants: GrantStore
    watch: UsageWatch
    identities: IdentityStore


@dataclass
class Access(Stores):
    """The stores, sharing one memory of who speaks; `close` stores what is left."""

    settings: AccessSettings
    reader: CredentialReader
    speakers: Speakers
    usage: UsageLog
    oidc: OidcSignIn | None
    fetcher: Fetcher
    stores: Callable[[Door], Stores]

    def through(self, door: Door) -> "Access":
        """The same for another door."""
        return replace(self, **vars(self.stores(door)))

    def note_passages(self, principal: Principal, passages: Iterable[Passage], door: str) -> None:
        """Put on record what of these is not public (GXDSL-8.1-7), each document once. Raises StorageError when that is not possible."""
        seen = {passage.document_id: passage.label.level for passage in passages if passage.label.level != "public"}
        for document_id, level in seen.items():
            self.usage.note(principal, document_id, "read", level=level, door=door)

    async def close(self) -> None:
        await self.fetcher.close()
        self.usage.close()


def open_access(
    database: Database, settings: AccessSettings, assets: Assets, audits: Audits, *, now: Callable[[], datetime] = utc_now
) -> Access:
    """Build it all, for the platform's own doings. Raises nothing of its own; the database must be upgraded."""
    speakers = Speakers(database, settings.session, now=now)
    passwords, fetcher, changed = Passwords(settings.password), Fetcher(settings.fetch), speakers.forget

    def stores(door: Door) -> Stores:
        audit = audits(door)
        sessions = SessionStore(database, audit, settings.session, changed=changed, now=now)
        return Stores(
            accounts=AccountStore(database, passwords, audit, changed=changed, now=now),
            administrators=AdministratorStore(database, audit, changed=changed, now=now),
            sessions=sessions,
            keys=ApiKeyStore(database, audit, changed=changed, now=now),
            login=LoginDesk(database, passwords, sessions, audit, settings.backoff, changed=changed, now=now),
            grants=GrantStore(database, assets, audit, changed=changed, now=now),
            watch=UsageWatch(database, audit, now=now),
            identities=IdentityStore(database, audit, changed=changed, now=now),
        )

    return Access(
        **vars(stores("system")),
        settings=settings,
        reader=CredentialReader(Cookies(settings.secure_cookies), frozenset(settings.origins)),
        speakers=speakers,
        usage=UsageLog(database, now=now),
        oidc=OidcSignIn(settings.oidc, fetcher, SignInStore(database, now=now)) if settings.oidc else None,
        fetcher=fetcher,
        stores=stores,
    )


def library_assets(library: Library) -> Assets:
    """Documents and collections as what can be asked for; a document belongs to who brought it in."""

    def find(kind: TargetKind, target: str, tenant: str) -> Asset | None:
        if kind == "collection":
            return Asset("collection", target, "restricted", tenant, "") if library.holds(target, tenant) else None
        document = library.find(target)
        if document is None or document.label.tenant != tenant:
            return None
        return Asset("object", document.id, document.label.level, tenant, document.created_by)

    return find
