"""A platform with accounts, in which people of two enterprises live: 锻造厂, which asks, and 纺织厂, whose secrets nobody else may see."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from domain.principal import Level, Principal, Role, own_label
from knowledge.ingest import SourceFile
from records.accounts import NewAccount
from records.artifacts import NewArtifact
from records.passwords import PasswordCost
from serving.access import Access, AccessSettings
from serving.api import create_app
from serving.assembly import Platform, open_platform
from tools.contract import AnyTool

from .homes import settings_of

HERE, ELSEWHERE = "锻造厂", "纺织厂"
GOOD = "潮汐 bramble 抽屉 voltage"
CANARY = "KANARIE7319"
"""Stands in documents of 纺织厂 and in no question: wherever else it turns up, something leaks."""
SECRET_TEXT = f"# 染缸保养办法\n\n1 总则\n\n1.1 靛青R9号染缸的恒温阀每 17 天更换一次，批号 {CANARY}。\n"
BASE = "http://127.0.0.1:8000"
ACCESS = AccessSettings(tenant=HERE, password=PasswordCost(passes=1, memory_kib=64), secure_cookies=False)


@dataclass
class Town:
    """The running platform and how its people come in."""

    platform: Platform
    app: FastAPI
    people: dict[str, Principal] = field(default_factory=dict[str, Principal])
    keys: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def access(self) -> Access:
        assert self.platform.access is not None
        return self.platform.access

    def hire(self, name: str, *roles: Role, tenant: str = HERE, fresh: bool = False) -> str:
        """A new account with GOOD as its password; returns its password. With a business role it gets a key too."""
        console = Principal(id="console", tenant=tenant, roles=frozenset({"system_admin"}))
        business = frozenset(role for role in roles if not role.endswith("_admin"))
        account, initial = self.access.accounts.create(NewAccount(name=name, roles=business), console)
        for role in set(roles) - business:
            self.access.administrators.appoint_first(account.id, role, console)
        if fresh:
            return initial
        self.access.login.change_password(Principal(id=account.id, tenant=tenant, roles=frozenset(roles)), initial, GOOD)
        self.people[name] = self.access.speakers.principal(account.id, tenant)
        if business:
            self.keys[name] = self.access.keys.create(self.people[name], "test", business, 1)[1]
        return GOOD

    def client(self, name: str = "", base: str = BASE) -> httpx.AsyncClient:
        """A program with somebody's key; without a name, a stranger."""
        headers = {"authorization": f"Bearer {self.keys[name]}"} if name else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=base, headers=headers, timeout=60)

    async def browser(self, name: str, password: str = GOOD, tenant: str = "") -> httpx.AsyncClient:
        """A browser in which somebody has logged in, on a page that repeats our token."""
        client = self.client()
        client.headers["origin"] = BASE
        answer = await client.post("/v1/auth/login", json={"name": name, "password": password, "tenant": tenant})
        assert answer.status_code == 200, answer.text
        client.headers["x-csrf-token"] = answer.json()["csrf_token"]
        return client

    def store(self, name: str, text: str, by: str, level: Level = "private", collection: str = "my") -> str:
        """A document of somebody's; returns its id."""
        owner, knowledge = self.people[by], self.platform.knowledge
        outcome = knowledge.ingestor.ingest(SourceFile(name, text.encode()), owner, own_label(owner, level), collection)
        assert outcome.document is not None, outcome.problem
        knowledge.refresh()
        return outcome.document.id

    def keep(self, by: str, name: str, data: bytes, level: Level = "private") -> str:
        """A file that was made for somebody; returns its id."""
        owner = self.people[by]
        new = NewArtifact(kind="diagnosis", name=name, media_type="application/pdf", data=data, label=own_label(owner, level))
        return self.platform.artifacts.add([new], owner)[0].id


@asynccontextmanager
async def open_town(home: Path, *tools: AnyTool, **changed: Any) -> AsyncGenerator[Town]:
    settings = settings_of(home, accounts=True, development=True, **({"access": ACCESS} | changed))
    platform = await open_platform(settings, extra_tools=list(tools))
    app = create_app(settings, platform=platform)
    async with app.router.lifespan_context(app):
        yield Town(platform, app)
    await platform.close()


def settle(town: Town) -> None:
    """Everybody moves in."""
    town.hire("anna", "staff")
    town.hire("oskar", "operator")
    town.hire("dev", "developer")
    town.hire("chief", "system_admin")
    town.hire("guard", "security_admin")
    town.hire("auditor", "audit_admin")
    town.hire("eve", "operator", tenant=ELSEWHERE)
    town.store("染缸保养办法.md", SECRET_TEXT, "eve")
    town.store("染缸规程.md", SECRET_TEXT.replace("17", "19"), "eve", "restricted", "dyeing")
