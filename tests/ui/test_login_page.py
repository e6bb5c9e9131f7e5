"""The login's own pages: plain forms, nothing loaded, nothing said to strangers."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from domain.principal import Principal
from records.accounts import NewAccount
from records.database import Database
from records.passwords import PasswordCost
from serving.access import Access, AccessSettings, open_access
from serving.settings import Settings

BASE = "https://zhushou.example.com"
GOOD = "潮汐 bramble 抽屉 voltage"
CONSOLE = Principal(id="console", tenant="锻造厂", roles=frozenset({"system_admin"}))
SETTINGS = AccessSettings(tenant="锻造厂", password=PasswordCost(passes=1, memory_kib=64))


@pytest.fixture
async def access() -> AsyncIterator[Access]:
    database = Database("sqlite://")
    database.upgrade()
    access = open_access(database, SETTINGS, lambda kind, target, tenant: None, lambda door: lambda deed, connection: None)
    yield access
    await access.close()
    database.close()


@pytest.fixture
def app(access: Access, login_module: Any) -> FastAPI:
    app = FastAPI()
    app.state.access = access
    login_module.add_login(app, Settings(), "/chat/")
    return app


def hire(access: Access, name: str, *roles: Any, settled: bool = True) -> str:
    account, initial = access.accounts.create(NewAccount(name=name, roles=frozenset(roles)), CONSOLE)
    if not settled:
        return initial
    access.login.change_password(Principal(id=account.id, tenant="锻造厂"), initial, GOOD)
    return GOOD


def browser(app: FastAPI, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers={"origin": BASE} | headers)


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


async def test_the_page_loads_nothing_and_allows_only_its_own_style(app: FastAPI) -> None:
    answer = await browser(app).get("/login?return_to=/chat/thread/1")
    page, policy = answer.text, answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "<script" not in page
    assert not re.search(r"https?://|src=|url\(|@import", page)
    assert 'name="viewport" content="width=device-width' in page
    style = re.search(r"<style>(.*)</style>", page, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert 'value="/chat/thread/1"' in page
    assert "登录" in page


async def test_in_and_out_without_any_script(app: FastAPI, access: Access) -> None:
    hire(access, "anna", "staff")
    anna = browser(app)
    answer = await anna.post("/login", data={"name": "Anna", "password": GOOD, "return_to": "/chat/thread/1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?return_to=/chat/thread/1")
    assert (await anna.get(answer.headers["location"])).headers["location"] == "/chat/thread/1"
    token = anna.cookies["__Host-shuzhi"]
    page = browser(app, cookie=f"__Host-shuzhi={token}")
    assert (await page.post("/logout", data={"csrf": "0" * 64})).status_code == 401
    assert access.speakers.identify(token)
    from records.tokens import csrf_token

    assert (await page.post("/logout", data={"csrf": csrf_token(token)})).headers["location"] == "/login"
    assert (await page.get("/login")).status_code == 200


async def test_wrong_logins_look_alike_and_repeat_nothing_as_markup(app: FastAPI, access: Access) -> None:
    hire(access, "anna", "staff")
    for form in ({"name": "anna", "password": "x"}, {"name": "nobody", "password": GOOD}, {"name": "anna"}, {}):
        answer = await browser(app).post("/login", data=form)
        assert answer.status_code == 401
        assert "账号、密码或企业名称不对" in answer.text
        assert GOOD not in answer.text
    answer = await browser(app).post("/login", data={"name": '"><script>alert(1)</script>', "password": "x", "return_to": "//evil.example"})
    assert "<script" not in answer.text
    assert "evil.example" not in answer.text


async def test_nobody_is_led_elsewhere(app: FastAPI, access: Access) -> None:
    hire(access, "anna", "staff")
    for there in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/login", "/"):
        anna = browser(app)
        await anna.post("/login", data={"name": "anna", "password": GOOD})
        assert (await anna.get("/login", params={"return_to": there})).headers["location"] == "/chat/"


async def test_a_form_of_another_site_logs_nobody_in(app: FastAPI, access: Access) -> None:
    hire(access, "anna", "staff")
    for origin in ("https://evil.example", "null", ""):
        answer = await browser(app, origin=origin).post("/login", data={"name": "anna", "password": GOOD})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers


async def test_an_initial_password_leads_to_its_change_and_nowhere_else(app: FastAPI, access: Access) -> None:
    initial = hire(access, "newcomer", "staff", settled=False)
    person = browser(app)
    answer = await person.post("/login", data={"name": "newcomer", "password": initial, "return_to": "/chat/x"})
    assert answer.headers["location"] == "/login/password?return_to=/chat/x"
    assert (await person.get("/login")).headers["location"].startswith("/login/password")
    csrf = csrf_of((await person.get("/login/password")).text)
    form = {"old": initial, "new": GOOD, "again": GOOD, "csrf": csrf}
    for wrong, status in (({"csrf": "0" * 64}, 401), ({"again": "x"}, 422), ({"new": "short", "again": "short"}, 422), ({"old": "x"}, 401)):
        assert (await person.post("/login/password", data=form | wrong)).status_code == status, wrong
    answer = await person.post("/login/password", data=form | {"return_to": "/chat/x"})
    assert answer.headers["location"] == "/login?return_to=/chat/x"
    assert (await person.get(answer.headers["location"])).headers["location"] == "/chat/x"


async def test_an_administrator_is_told_that_this_is_not_their_place(app: FastAPI, access: Access) -> None:
    hire(access, "chief", "staff")
    account = access.accounts.find("chief", CONSOLE)
    access.accounts.set_roles(account.id, [], CONSOLE)
    access.administrators.appoint_first(account.id, "system_admin", CONSOLE)
    chief = browser(app)
    await chief.post("/login", data={"name": "chief", "password": GOOD})
    answer = await chief.get("/login")
    assert answer.status_code == 403
    assert "管理员账号只做管理" in answer.text
    assert (await chief.post("/logout", data={"csrf": csrf_of(answer.text)})).headers["location"] == "/login"


@pytest.mark.parametrize("body", [b"\xff\xfe", b"name=%ff&password=%fe", b"&" * 5000, b"name=a&name=b&password=x", b"=" * 100])
async def test_forms_that_no_browser_sends(app: FastAPI, body: bytes) -> None:
    answer = await browser(app).post("/login", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 401


async def test_a_form_too_large_to_be_ours(app: FastAPI) -> None:
    for path in ("/login", "/login/password", "/logout"):
        assert (await browser(app).post(path, content=b"a" * 20_000)).status_code == 413
