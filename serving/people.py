"""Accounts as a part of the running platform: opened where people log in, watched over, closed with everything else."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress

import structlog

from domain.errors import NotAuthenticated, NotFound, PlatformError
from domain.principal import LOCAL, Principal
from knowledge.library import Library
from records.database import Database

from .access import Access, library_assets, open_access
from .deeds import Audits
from .settings import Settings

log = structlog.get_logger()


async def open_people(settings: Settings, database: Database, library: Library, stack: AsyncExitStack, audits: Audits) -> Access | None:
    """None in single-user mode. Otherwise everything about accounts, with its watch running until `stack` closes."""
    if not settings.accounts:
        return None
    access = open_access(database, settings.access, library_assets(library), audits)
    stack.push_async_callback(access.close)
    watching = asyncio.create_task(keep_watch(access), name="usage-watch")

    async def stop() -> None:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching

    stack.push_async_callback(stop)
    return access


async def keep_watch(access: Access) -> None:
    """Look for unusual use as often as the rules ask for; a look that fails is made again at the next."""
    while True:
        await asyncio.sleep(access.watch.look_every_s)
        try:
            # what has been seen and is not stored yet would be missed
            await asyncio.to_thread(access.usage.flush)
            await asyncio.to_thread(access.watch.look)
        except PlatformError as error:
            log.error("no look for unusual use", problem=error.message)


class People:
    """Who somebody is now, and what was shown to them or refused: on record where people have accounts (GXDSL-8.1-7)."""

    def __init__(self, access: Access | None, library: Library) -> None:
        self._access = access
        self._library = library

    def asker(self, account_id: str, tenant: str) -> Principal:
        """Whose run goes on, with the rights that they have now. Raises NotAuthenticated for who may not act any more."""
        try:
            if self._access is not None:
                return self._access.speakers.principal(account_id, tenant)
        except NotAuthenticated as error:
            raise _gone() from error
        if (account_id, tenant) != (LOCAL.id, LOCAL.tenant):
            raise _gone()
        return LOCAL

    def check_room(self) -> None:
        """Raises StorageError when what is about to be looked at could not be put on record."""
        if self._access is not None:
            self._access.usage.check_room()

    async def passages(self, principal: Principal, passage_ids: Iterable[str], door: str) -> None:
        """Raises StorageError."""
        wanted = sorted({each for each in passage_ids if each})
        if self._access is not None and wanted:
            await asyncio.to_thread(self._note_passages, self._access, principal, wanted, door)

    def _note_passages(self, access: Access, principal: Principal, wanted: list[str], door: str) -> None:
        access.note_passages(principal, self._library.by_id(wanted, principal).values(), door)

    def documents(self, principal: Principal, levels: Iterable[tuple[str, str]], door: str) -> None:
        """(id, level) of documents whose names were shown. Raises StorageError."""
        if self._access is not None:
            for document_id, level in levels:
                if level != "public":
                    self._access.usage.note(principal, document_id, "read", level=level, door=door)

    def refused(self, principal: Principal, target: str, error: PlatformError, door: str) -> None:
        """An attempt at something that the principal may not see, or that does not exist. Never raises: the refusal stands anyway."""
        if self._access is not None and target:
            with suppress(PlatformError):
                self._access.usage.note(principal, target, "missing" if isinstance(error, NotFound) else "denied", door=door)


def _gone() -> NotAuthenticated:
    return NotAuthenticated("提出这个问题的账号已不能使用，操作没有执行", where="run", cure="启用账号后由本人重新提出")
