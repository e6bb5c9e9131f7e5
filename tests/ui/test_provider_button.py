"""Signing in by the provider's button: a real Chromium, our server, and an identity provider of its own."""

import importlib
import re
import shutil
import warnings
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from serving.oidc import OidcSettings
from tests.serving.homes import copy_home, make_home
from tests.serving.identity_provider import CLIENT, SECRET, IdentityProvider
from tests.serving.listening import listening, served_by
from tests.serving.town import ACCESS, HERE, Town, open_town

from .test_browser import browsing, free_port

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)")]


@pytest.fixture
def served(chainlit_home: Path, tmp_path: Path) -> Iterator[tuple[str, Town, IdentityProvider]]:
    home, port, provider = copy_home(make_home(tmp_path / "made"), tmp_path / "home"), free_port(), IdentityProvider()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Chainlit imports
        login: Any = importlib.import_module("ui.login_page")
        approvals: Any = importlib.import_module("ui.approvals_page")

    @asynccontextmanager
    async def opening() -> AsyncGenerator[Town]:
        async with listening(provider.app) as issuer:
            provider.issuer = issuer
            given = {
                "issuer": issuer,
                "client_id": CLIENT,
                "client_secret": SECRET,
                "tenants": {"forge": HERE},
                "roles": {"worker": "operator"},
            }
            oidc = OidcSettings.model_validate(given | {"redirect_uri": f"http://127.0.0.1:{port}/v1/auth/oidc/callback"})
            access = ACCESS.model_validate(ACCESS.model_dump() | {"oidc": oidc, "fetch": {"loopback": True}})
            async with open_town(home, access=access) as town:
                yield town

    def settle(town: Town) -> None:
        login.add_login(town.app, town.platform.settings, "/chat/")
        approvals.add_approvals(town.app, town.platform.settings, "/chat/")

    with served_by(opening, settle, port=port) as (address, town):
        yield address, town, provider


def test_the_button_leads_through_the_provider_and_back(served: tuple[str, Town, IdentityProvider], tmp_path: Path) -> None:
    address, _, provider = served
    with browsing(tmp_path / "browser") as (page, strangers):
        page.goto(f"{address}/approvals")
        expect(page).to_have_url(re.compile("/login"))
        page.get_by_role("link", name="用统一身份平台登录").click()
        expect(page).to_have_url(f"{address}/approvals")
        expect(page.locator("main")).to_contain_text("没有等待你审批的操作")
        hidden = {cookie.get("name") for cookie in page.context.cookies() if cookie.get("httpOnly")}
        assert "shuzhi" in hidden
        assert page.evaluate("document.cookie").startswith("shuzhi-csrf=")
        assert strangers == []
        provider.claims = provider.claims | {"roles": ["chief"]}
        page.context.clear_cookies()
        page.goto(f"{address}/login?return_to=/approvals")
        page.get_by_role("link", name="用统一身份平台登录").click()
        expect(page.locator("body")).to_contain_text("error")
        page.goto(f"{address}/approvals")
        expect(page).to_have_url(re.compile("/login"))
    assert "jwks" in provider.asked
