"""Who is on the page: asked again at every step, so that a session that has ended ends here too."""

import asyncio
from contextvars import ContextVar

from domain.permissions import require
from domain.principal import Principal
from records.speakers import Speaker
from serving.access import Access
from serving.assembly import Platform
from serving.identify import settled

CREDENTIAL: ContextVar[str] = ContextVar("credential", default="")
"""What the request or the socket that is being served came with; tasks that it starts inherit it."""


async def visitor(platform: Platform) -> Principal:
    """Raises NotAuthenticated once the session has ended, NotAllowed for who may not use the assistant."""
    if platform.access is None:
        return platform.principal
    return user_of(await speaker_of(platform.access, CREDENTIAL.get()))


async def speaker_of(access: Access, credential: str) -> Speaker:
    """Raises NotAuthenticated."""
    return access.speakers.remembered(credential) or await asyncio.to_thread(access.speakers.identify, credential)


def user_of(speaker: Speaker) -> Principal:
    """Raises NotAllowed while an initial password is in use, and for who may not use the assistant."""
    return require(settled(speaker).principal, "assistant.use")
