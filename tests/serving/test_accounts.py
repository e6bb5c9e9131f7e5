"""Accounts, keys, authorisations and alerts over HTTP, on an application of their own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection

from domain.errors import Problem
from domain.principal import Principal, Role
from records.accounts import NewAccount
from records.audit_entries import Door
from records.database import Database
from records.deeds import Audit, Deed
from records.grant_rows import Asset
from records.login import Backoff
from records.passwords import PasswordCost
from serving.access import AccessSettings, open_access
from serving.identify import Someone
from serving.oidc import OidcSettings
from serving.problems import add_problem_handlers
from serving.routes.accounts import router

from .identity_provider import CLIENT, SECRET, IdentityProvider
from .listening import listening

BASE = "https://zhushou.example.com"
GOOD = "潮汐 bramble 抽屉 voltage"
CONSOLE = Principal(id="console", tenant="锻造厂", roles=frozenset({"system_admin"}))
SETTINGS = AccessSettings(tenant="锻造厂", password=PasswordCost(passes=1, memory_kib=64), backoff=Backoff(free=3))


class House:
    """The application and the people in it."""

    def __init__(self, database: Database, settings: AccessSettings = SETTINGS) -> None:
        self.deeds: list[Deed] = []
        self.assets: dict[str, Asset] = {}
        self.doors: list[Door] = []
        """Of each deed."""
        self.access = open_access(database, settings, self.asset, self.audit)
        self.app = FastAPI()
        self.app.state.access = self.access
        add_problem_handlers(self.app)
        self.app.include_router(router)

        @self.app.post("/probe")
        async def probe(someone: Someone) -> dict[str, Any]:
            return {"id": someone.id, "roles": sorted(someone.roles)}

    def audit(self, door: Door) -> Audit:
        def record(deed: Deed, connection: Connection | None) -> None:
            self.deeds.append(deed)
            self.doors.append(door)

        return record

    def asset(self, kind: str, target: str, tenant: str) -> Asset | None:
        found = self.assets.get(target)
        return found if found is not None and found.tenant == tenant else None

    def hire(self, name: str, *roles: Role, tenant: str = "锻造厂", fresh: bool = False) -> tuple[str, str]:
        """Account id and password."""
        console = CONSOLE.model_copy(update={"tenant": tenant})
        business = frozenset(role for role in roles if not role.endswith("_admin"))
        account, initial = self.access.accounts.create(NewAccount(name=name, roles=business), console)
        for role in set(roles) - business:
            self.access.administrators.appoint_first(account.id, role, console)
        if fresh:
            return account.id, initial
        principal = Principal(id=account.id, tenant=tenant, roles=frozenset(roles))
        self.access.login.change_password(principal, initial, GOOD)
        return account.id, GOOD

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False), base_url=BASE, headers={"origin": BASE}
        )

    async def enter(self, name: str, password: str = GOOD, tenant: str = "") -> httpx.AsyncClient:
        """A browser in which somebody has logged in."""
        browser = self.browser()
        answer = await browser.post("/v1/auth/login", json={"name": name, "password": password, "tenant": tenant})
        assert answer.status_code == 200, answer.text
        browser.headers["x-csrf-token"] = answer.json()["csrf_token"]
        return browser


@pytest.fixture
async def house() -> AsyncIterator[House]:
    database = Database("sqlite://")
    database.upgrade()
    house = House(database)
    yield house
    await house.access.close()
    database.close()


def problem(answer: httpx.Response, status: int) -> Problem:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    assert GOOD not in answer.text
    return Problem.model_validate(answer.json()["error"])


async def test_the_whole_way_of_a_new_person(house: House) -> None:
    house.hire("chief", "system_admin")
    chief = await house.enter("chief")
    made = await chief.post("/v1/accounts", json={"name": "Anna", "roles": ["expert"], "display_name": "安娜"})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    anna = await house.enter("anna", made.json()["initial_password"])
    assert (await anna.get("/v1/auth/me")).json()["must_change"] is True
    assert "初始密码" in problem(await anna.post("/probe"), 403).message
    assert "初始密码" in problem(await anna.post("/v1/keys", json={"name": "ci", "scopes": ["expert"]}), 403).message
    changed = await anna.post("/v1/auth/password", json={"old": made.json()["initial_password"], "new": GOOD})
    anna.headers["x-csrf-token"] = changed.json()["csrf_token"]
    assert (await anna.post("/probe")).json() == {"id": made.json()["id"], "roles": ["expert"]}
    key = (await anna.post("/v1/keys", json={"name": "ci", "scopes": ["expert"], "days": 1})).json()
    program = house.browser()
    program.headers["authorization"] = f"Bearer {key['secret']}"
    assert (await program.post("/probe")).json()["roles"] == ["expert"]
    assert key["secret"] not in (await anna.get("/v1/keys")).text
    problem(await program.post("/v1/keys", json={"name": "more", "scopes": ["expert"]}), 403)
    problem(await program.post("/v1/auth/password", json={"old": GOOD, "new": GOOD + "!"}), 401)
    assert (await anna.delete(f"/v1/keys/{key['id']}")).status_code == 204
    problem(await program.post("/probe"), 401)


async def test_deeds_name_the_door_that_they_came_through(house: House) -> None:
    account_id, _ = house.hire("anna", "staff")
    house.hire("chief", "system_admin")
    before = len(house.deeds)
    assert set(house.doors) == {"system"}
    chief = await house.enter("chief")
    await chief.put(f"/v1/accounts/{account_id}/attributes", json={"attributes": ["钢铁"]})
    await asyncio.to_thread(house.access.through("cli").accounts.set_roles, account_id, ["expert"], CONSOLE)
    done = [(deed.action, door) for deed, door in zip(house.deeds, house.doors, strict=True)][before:]
    assert done == [("login", "http"), ("attributes.assign", "http"), ("roles.assign", "cli")]


async def test_cookies_are_as_safe_as_browsers_make_them(house: House) -> None:
    house.hire("anna", "staff")
    answer = await house.browser().post("/v1/auth/login", json={"name": "anna", "password": GOOD})
    session, csrf = answer.headers.get_list("set-cookie")
    assert session.startswith("__Host-shuzhi=szs_")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
        assert part in session
    assert "Domain" not in session + csrf
    assert "HttpOnly" not in csrf
    assert "SameSite=strict" in csrf
    assert "szs_" not in answer.text


async def test_a_page_elsewhere_does_nothing_with_its_visitors_cookies(house: House) -> None:
    house.hire("anna", "staff")
    anna = await house.enter("anna")
    assert (await anna.post("/probe")).status_code == 200
    problem(await anna.post("/probe", headers={"origin": "https://evil.example"}), 401)
    problem(await anna.post("/probe", headers={"x-csrf-token": "x"}), 401)
    problem(
        await house.browser().post("/v1/auth/login", json={"name": "anna", "password": GOOD}, headers={"origin": "https://evil.example"}),
        401,
    )


async def test_logging_out_ends_the_session_for_whoever_copied_it(house: House) -> None:
    house.hire("anna", "staff")
    anna, copy = await house.enter("anna"), house.browser()
    copy.cookies, copy.headers = httpx.Cookies(anna.cookies), anna.headers.copy()
    assert (await copy.post("/probe")).status_code == 200
    assert (await anna.post("/v1/auth/logout")).status_code == 204
    problem(await copy.post("/probe"), 401)
    problem(await anna.get("/v1/auth/me"), 401)


async def test_logging_in_again_ends_the_session_before_it(house: House) -> None:
    house.hire("anna", "staff")
    anna = await house.enter("anna")
    old = anna.cookies["__Host-shuzhi"]
    await anna.post("/v1/auth/login", json={"name": "anna", "password": GOOD})
    assert anna.cookies["__Host-shuzhi"] != old
    problem(await house.browser().get("/v1/auth/me", headers={"authorization": f"Bearer {old}"}), 401)


async def test_wrong_logins_all_look_the_same(house: House) -> None:
    house.hire("anna", "staff")
    tries = [
        {"name": "anna", "password": "wrong"},
        {"name": "nobody", "password": GOOD},
        {"name": "anna", "password": GOOD, "tenant": "纺织厂"},
        {"name": "аnna", "password": GOOD},
        {"name": "a\u0000", "password": ""},
    ]
    answers = [await house.browser().post("/v1/auth/login", json=body) for body in tries]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    problem(answers[0], 401)


async def test_ten_megabytes_of_password(house: House) -> None:
    house.hire("anna", "staff")
    answer = await house.browser().post("/v1/auth/login", json={"name": "anna", "password": "x" * 10_000_000})
    problem(answer, 422)
    assert len(answer.content) < 2000


async def test_duplicate_and_malformed_headers_are_nobody(house: House) -> None:
    house.hire("anna", "staff")
    token = (await house.enter("anna")).cookies["__Host-shuzhi"]
    good = ("authorization", f"Bearer {token}")
    async with house.browser() as client:
        assert (await client.post("/probe", headers=[good])).status_code == 200
        for headers in (
            [good, good],
            [good, ("authorization", "Bearer x")],
            [("authorization", f"Basic {token}")],
            [("authorization", token)],
        ):
            problem(await client.post("/probe", headers=headers), 401)


async def test_another_tenants_ids_do_not_exist_in_any_parameter(house: House) -> None:
    anna, _ = house.hire("anna", "staff")
    house.hire("chief", "system_admin", tenant="纺织厂")
    house.hire("guard", "security_admin", tenant="纺织厂")
    house.hire("eve", "operator", tenant="纺织厂")
    house.assets["d1"] = Asset("object", "d1", "restricted", "锻造厂", anna)
    chief, guard, eve = [await house.enter(name, tenant="纺织厂") for name in ("chief", "guard", "eve")]
    wish = {"kind": "object", "target": "d1", "purpose": "看", "days": 1}
    answers = [
        await chief.get(f"/v1/accounts/{anna}"),
        await chief.put(f"/v1/accounts/{anna}/roles", json={"roles": ["operator"]}),
        await chief.put(f"/v1/accounts/{anna}/attributes", json={"attributes": ["x"]}),
        await chief.put(f"/v1/accounts/{anna}/state", json={"state": "disabled"}),
        await chief.post(f"/v1/accounts/{anna}/password"),
        await chief.post("/v1/administrators/proposals", json={"account_id": anna, "change": "appoint", "role": "audit_admin"}),
        await guard.delete(f"/v1/accounts/{anna}/credentials"),
        await guard.put(f"/v1/accounts/{anna}/state", json={"state": "locked"}),
        await guard.post(f"/v1/administrators/proposals/{anna}", json={"decision": "confirm"}),
        await guard.post(f"/v1/alerts/{anna}", json={"note": "x"}),
        await eve.post("/v1/grant-requests", json=wish),
        await eve.post("/v1/grants", json=wish | {"role": "staff"}),
        await eve.delete(f"/v1/grants/{anna}"),
        await eve.delete(f"/v1/keys/{anna}"),
        await eve.delete(f"/v1/auth/sessions/{anna}"),
    ]
    for answer in answers:
        assert anna not in problem(answer, 404).model_dump_json()
    assert [account["name"] for account in (await chief.get("/v1/accounts")).json()["accounts"]] == ["chief", "eve", "guard"]


async def test_a_system_administrator_gets_no_further_by_itself(house: House) -> None:
    chief_id, _ = house.hire("chief", "system_admin")
    anna, _ = house.hire("anna", "staff")
    chief = await house.enter("chief")
    for body in ({"name": "eve", "roles": ["security_admin"]}, {"name": "eve", "roles": ["staff", "audit_admin"]}):
        problem(await chief.post("/v1/accounts", json=body), 403)
    for who, roles in ((chief_id, ["operator"]), (chief_id, ["audit_admin"]), (anna, ["system_admin"])):
        problem(await chief.put(f"/v1/accounts/{who}/roles", json={"roles": roles}), 403)
    proposal = {"account_id": chief_id, "change": "appoint", "role": "audit_admin"}
    problem(await chief.post("/v1/administrators/proposals", json=proposal), 403)
    made = await chief.post("/v1/administrators/proposals", json=proposal | {"account_id": anna})
    problem(await chief.post(f"/v1/administrators/proposals/{made.json()['id']}", json={"decision": "confirm"}), 403)
    for path in ("/v1/alerts", "/v1/usage"):
        problem(await chief.get(path), 403)
    problem(await chief.post("/v1/accounts", json={"name": "eve", "roles": ["root"]}), 422)


async def test_two_administrators_appoint_a_third(house: House) -> None:
    house.hire("chief", "system_admin")
    house.hire("guard", "security_admin")
    anna, _ = house.hire("anna", "staff")
    chief, guard = await house.enter("chief"), await house.enter("guard")
    made = await chief.post("/v1/administrators/proposals", json={"account_id": anna, "change": "appoint", "role": "audit_admin"})
    assert made.status_code == 201
    [listed] = (await guard.get("/v1/administrators/proposals?status=pending")).json()["proposals"]
    decided = await guard.post(f"/v1/administrators/proposals/{listed['id']}", json={"decision": "confirm"})
    assert decided.json()["status"] == "confirmed"
    assert "audit_admin" in (await chief.get(f"/v1/accounts/{anna}")).json()["roles"]


async def test_an_authorisation_from_wish_to_end(house: House) -> None:
    boris_id, _ = house.hire("boris", "staff")
    house.hire("anna", "expert")
    house.assets["d1"] = Asset("object", "d1", "private", "锻造厂", boris_id)
    anna, boris = await house.enter("anna"), await house.enter("boris")
    wish = {"kind": "object", "target": "d1", "purpose": "核对图纸", "days": 7}
    made = (await anna.post("/v1/grant-requests", json=wish)).json()
    problem(await anna.post(f"/v1/grant-requests/{made['id']}", json={"decision": "grant"}), 403)
    assert [each["id"] for each in (await boris.get("/v1/grant-requests/waiting")).json()["requests"]] == [made["id"]]
    grant = (await boris.post(f"/v1/grant-requests/{made['id']}", json={"decision": "grant"})).json()["grant"]
    assert [each["id"] for each in (await anna.get("/v1/grants")).json()["grants"]] == [grant["id"]]
    assert [each["target"] for each in (await anna.get("/v1/auth/me")).json()["grants"]] == ["d1"]
    assert (await boris.delete(f"/v1/grants/{grant['id']}?reason=done")).status_code == 204
    assert (await anna.get("/v1/auth/me")).json()["grants"] == []
    assert (await boris.get("/v1/grants/given")).json()["grants"][0]["revoked_by"] == boris_id
    assert (await anna.get("/v1/grant-requests")).json()["requests"][0]["status"] == "granted"


async def test_the_security_administrator_sees_use_and_alerts(house: House) -> None:
    anna_id, _ = house.hire("anna", "staff")
    house.hire("guard", "security_admin")
    guard = await house.enter("guard")
    for _ in range(10):
        house.access.usage.note(Principal(id=anna_id, tenant="锻造厂"), "d1", "denied", door="http")
    house.access.usage.flush()
    house.access.watch.look()
    [alert] = (await guard.get("/v1/alerts?status=open")).json()["alerts"]
    assert (alert["rule"], alert["principal_id"]) == ("denied", anna_id)
    assert (await guard.post(f"/v1/alerts/{alert['id']}", json={"note": "已核实"})).json()["status"] == "handled"
    assert len((await guard.get(f"/v1/usage?principal_id={anna_id}")).json()["uses"]) == 10


async def test_own_sessions(house: House) -> None:
    house.hire("anna", "staff")
    anna, other = await house.enter("anna"), await house.enter("anna")
    assert len((await anna.get("/v1/auth/sessions")).json()["sessions"]) >= 2
    assert (await anna.delete("/v1/auth/sessions")).status_code == 204
    problem(await other.get("/v1/auth/me"), 401)
    [left] = (await anna.get("/v1/auth/sessions")).json()["sessions"]
    assert (await anna.delete(f"/v1/auth/sessions/{left['id']}")).status_code == 204
    problem(await anna.get("/v1/auth/me"), 401)


async def test_every_route_wants_somebody(house: House) -> None:
    open_ones = {"/v1/auth/login", "/v1/auth/oidc", "/v1/auth/oidc/callback"}
    paths = house.app.openapi()["paths"]
    assert len(paths) > 20
    for path, methods in paths.items():
        for method in methods:
            if path not in open_ones:
                answer = await house.browser().request(method, path.replace("{", "").replace("}", ""), json={})
                assert answer.status_code == 401, (method, path, answer.text)


class TestIdentityProvider:
    @pytest.fixture
    async def provided(self) -> AsyncIterator[tuple[House, IdentityProvider]]:
        provider, database = IdentityProvider(), Database("sqlite://")
        database.upgrade()
        async with listening(provider.app) as address:
            provider.issuer = address
            oidc = OidcSettings.model_validate(
                {
                    "issuer": address,
                    "client_id": CLIENT,
                    "client_secret": SECRET,
                    "redirect_uri": f"{BASE}/v1/auth/oidc/callback",
                    "tenants": {"forge": "锻造厂"},
                    "roles": {"worker": "staff"},
                }
            )
            house = House(database, SETTINGS.model_validate(SETTINGS.model_dump() | {"oidc": oidc, "fetch": {"loopback": True}}))
            yield house, provider
            await house.access.close()
        database.close()

    async def test_a_person_comes_in_through_it(self, provided: tuple[House, IdentityProvider]) -> None:
        house, provider = provided
        browser = house.browser()
        away = await browser.get("/v1/auth/oidc?return_to=/chat")
        assert away.status_code == 303
        back = await browser.get(provider.approve(away.headers["location"]))
        assert (back.status_code, back.headers["location"]) == (303, "/chat")
        me = (await browser.get("/v1/auth/me")).json()
        assert (me["tenant"], me["roles"], me["must_change"]) == ("锻造厂", ["staff"], False)
        browser.headers["x-csrf-token"] = browser.cookies["__Host-shuzhi-csrf"]
        assert (await browser.post("/probe")).status_code == 200

    async def test_an_answer_is_good_once_and_in_one_browser(self, provided: tuple[House, IdentityProvider]) -> None:
        house, provider = provided
        browser = house.browser()
        back = provider.approve((await browser.get("/v1/auth/oidc")).headers["location"])
        problem(await house.browser().get(back), 401)
        problem(await browser.get(back), 401)
        again = provider.approve((await browser.get("/v1/auth/oidc")).headers["location"])
        problem(await browser.get(f"{again}&state=other"), 401)

    async def test_without_a_provider_there_is_no_way_through_it(self, house: House) -> None:
        problem(await house.browser().get("/v1/auth/oidc"), 404)
        problem(await house.browser().get("/v1/auth/oidc/callback"), 404)
