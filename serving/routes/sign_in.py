"""Logging in and out, one's own sessions and keys, the way through an identity provider."""

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import NotAuthenticated, NotFound
from domain.principal import Role
from records.login import Login
from records.tokens import csrf_token

from ..access import Access
from ..identify import Newcomer, Person, TheAccess, no_store

router = APIRouter(prefix="/v1", tags=["sign-in"], dependencies=[Depends(no_store)])


class LoginRequest(BaseModel):
    """Name and password; the enterprise where it is not the usual one."""

    model_config = ConfigDict(extra="forbid")

    tenant: str = Field(default="", max_length=64)
    name: str = Field(max_length=256)
    password: str = Field(max_length=1024)


class PasswordRequest(BaseModel):
    """The password that is and the one that is to be."""

    model_config = ConfigDict(extra="forbid")

    old: str = Field(max_length=1024)
    new: str = Field(max_length=1024)


class KeyRequest(BaseModel):
    """A key's name, the roles that it carries, and how long."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=60)
    scopes: list[Role] = Field(max_length=8)
    days: int = 90


def give_cookies(access: Access, response: Response, login: Login) -> str:
    """Put the session into cookies; returns the CSRF token, which the page repeats with each change."""
    names, secure = access.reader.cookies, access.settings.secure_cookies
    csrf, age = csrf_token(login.token), access.settings.session.longest_hours * 3600
    response.set_cookie(names.session, login.token, max_age=age, path="/", secure=secure, httponly=True, samesite="lax")
    response.set_cookie(names.csrf, csrf, max_age=age, path="/", secure=secure, httponly=False, samesite="strict")
    return csrf


def take_cookies(access: Access, response: Response) -> None:
    names, secure = access.reader.cookies, access.settings.secure_cookies
    for name in (names.session, names.csrf):
        response.delete_cookie(name, path="/", secure=secure, samesite="lax")


def present_session(access: Access, request: Request) -> str:
    """The session that is there already; whatever is malformed is none."""
    try:
        return access.reader.cookie(request.scope["headers"], access.reader.cookies.session)
    except NotAuthenticated:
        return ""


@router.post("/auth/login")
async def log_in(given: LoginRequest, request: Request, response: Response, access: TheAccess) -> dict[str, Any]:
    """A new session in cookies. The answer is the same for whatever is wrong."""
    # a page elsewhere must not log its visitor in as somebody else
    access.reader.check_origin(request.scope["headers"], required=False)
    tenant, before = given.tenant or access.settings.tenant, present_session(access, request)
    login = await asyncio.to_thread(access.login.log_in, tenant, given.name, given.password, replacing=before)
    csrf = give_cookies(access, response, login)
    return {"account_id": login.account_id, "must_change": login.must_change, "ends_at": login.ends_at, "csrf_token": csrf}


@router.post("/auth/logout", status_code=204)
async def log_out(speaker: Newcomer, response: Response, access: TheAccess) -> None:
    """End this session, here and for everybody who may have copied it."""
    if speaker.via == "session":
        await asyncio.to_thread(access.sessions.end, speaker.credential_id, speaker.principal)
    take_cookies(access, response)


@router.get("/auth/me")
async def me(speaker: Newcomer) -> dict[str, Any]:
    """Who one is, and what is open to one."""
    who = speaker.principal
    principal = who.model_dump(mode="json") | {"roles": sorted(who.roles), "attributes": sorted(who.attributes)}
    return principal | {"via": speaker.via, "must_change": speaker.must_change, "ends_at": speaker.ends_at}


@router.post("/auth/password")
async def change_password(given: PasswordRequest, speaker: Newcomer, response: Response, access: TheAccess) -> dict[str, Any]:
    """Change one's own password; all other sessions end."""
    if speaker.via != "session":
        raise NotAuthenticated("修改密码要本人登录后进行", where="Authorization", cure="用账号和密码登录")
    login = await asyncio.to_thread(access.login.change_password, speaker.principal, given.old, given.new)
    return {"must_change": False, "ends_at": login.ends_at, "csrf_token": give_cookies(access, response, login)}


@router.get("/auth/sessions")
async def list_sessions(person: Person, access: TheAccess) -> dict[str, Any]:
    found = await asyncio.to_thread(access.sessions.list_sessions, person)
    return {"sessions": [session.model_dump(mode="json") for session in found]}


@router.delete("/auth/sessions", status_code=204)
async def end_other_sessions(speaker: Newcomer, person: Person, access: TheAccess) -> None:
    """End all of one's sessions save this one."""
    await asyncio.to_thread(access.sessions.end_own, person, but=speaker.credential_id)


@router.delete("/auth/sessions/{session_id}", status_code=204)
async def end_session(session_id: str, person: Person, access: TheAccess) -> None:
    await asyncio.to_thread(access.sessions.end, session_id, person)


@router.get("/auth/oidc")
async def begin(access: TheAccess, return_to: str = "/") -> RedirectResponse:
    """Go to the identity provider."""
    if access.oidc is None:
        raise NotFound("没有接入统一身份平台", where="oidc", cure="用账号和密码登录")
    address, browser = await access.oidc.begin(return_to)
    response = RedirectResponse(address, status_code=303, headers={"cache-control": "no-store"})
    # lax: the provider sends the browser back from another site
    secure = access.settings.secure_cookies
    response.set_cookie(access.reader.cookies.sign_in, browser, max_age=600, path="/", secure=secure, httponly=True, samesite="lax")
    return response


@router.get("/auth/oidc/callback")
async def come_back(request: Request, access: TheAccess) -> RedirectResponse:
    """Come back from the identity provider, once."""
    if access.oidc is None:
        raise NotFound("没有接入统一身份平台", where="oidc", cure="用账号和密码登录")
    query = request.query_params
    if len(query.multi_items()) != len(set(query.keys())):
        raise NotAuthenticated("这次登录已失效", where="state", cure="回到登录页重新开始")
    browser = access.reader.cookie(request.scope["headers"], access.reader.cookies.sign_in)
    identity, return_to = await access.oidc.finish(dict(query), browser)
    account = await asyncio.to_thread(access.identities.admit, identity)
    before = present_session(access, request)
    start = partial(access.sessions.start, account.id, account.tenant, "oidc", as_of=account.changed_at, replacing=before)
    token, ends = await asyncio.to_thread(start)
    response = RedirectResponse(return_to, status_code=303, headers={"cache-control": "no-store"})
    give_cookies(access, response, Login(token=token, account_id=account.id, must_change=False, ends_at=ends))
    response.delete_cookie(access.reader.cookies.sign_in, path="/", secure=access.settings.secure_cookies, samesite="lax")
    return response


@router.get("/keys")
async def list_keys(person: Person, access: TheAccess) -> dict[str, Any]:
    return {"keys": [key.model_dump(mode="json") for key in await asyncio.to_thread(access.keys.list_keys, person)]}


@router.post("/keys", status_code=201)
async def create_key(given: KeyRequest, person: Person, access: TheAccess) -> dict[str, Any]:
    """The secret is in this answer and nowhere else."""
    key, secret = await asyncio.to_thread(access.keys.create, person, given.name, given.scopes, given.days)
    return key.model_dump(mode="json") | {"secret": secret}


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(key_id: str, person: Person, access: TheAccess) -> None:
    await asyncio.to_thread(access.keys.revoke, key_id, person)
