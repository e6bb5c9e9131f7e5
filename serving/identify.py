"""Who speaks on HTTP, by account: what routes take as an argument."""

import asyncio
from typing import Annotated

from fastapi import Depends, Request, Response

from domain.errors import NotAllowed
from domain.principal import Principal
from records.speakers import Speaker

from .access import Access
from .credentials import Purpose, purpose_of


def access_of(request: Request) -> Access:
    return request.app.state.access


async def identify(access: Access, request: Request, purpose: Purpose | None = None) -> Speaker:
    """Whoever sent the request. Raises NotAuthenticated."""
    credential = access.reader.read(request.scope["headers"], purpose or purpose_of(request.method))
    return access.speakers.remembered(credential) or await asyncio.to_thread(access.speakers.identify, credential)


async def _access(request: Request) -> Access:
    # a coroutine, because FastAPI sends plain functions through its thread pool
    return access_of(request).through("http")


TheAccess = Annotated[Access, Depends(_access)]


async def _newcomer(request: Request, access: TheAccess) -> Speaker:
    return await identify(access, request)


Newcomer = Annotated[Speaker, Depends(_newcomer)]
"""Whoever speaks, also with an initial password."""


def settled(speaker: Speaker) -> Speaker:
    """`speaker` itself. Raises NotAllowed while the initial password is in use: nothing may be done but change it."""
    if speaker.must_change:
        raise NotAllowed("请先修改初始密码", where="password", cure="POST /v1/auth/password，给出原密码和新密码")
    return speaker


async def _known(request: Request, speaker: Newcomer) -> Speaker:
    request.state.principal = speaker.principal
    return settled(speaker)


Known = Annotated[Speaker, Depends(_known)]


async def _principal(speaker: Known) -> Principal:
    return speaker.principal


async def _person(speaker: Known) -> Principal:
    # a key that leaked must not make itself another one
    if speaker.via != "session":
        raise NotAllowed("这项操作要本人登录后进行", where="Authorization", cure="用账号和密码登录，不用访问密钥")
    return speaker.principal


Someone = Annotated[Principal, Depends(_principal)]
"""An account, by session or key."""
Person = Annotated[Principal, Depends(_person)]
"""An account, logged in."""


async def no_store(response: Response) -> None:
    """What is said about people and secrets stays in no cache."""
    response.headers["cache-control"] = "no-store"
