"""What waits for an approval, before those who may decide: a real server, forms by hand and in a real Chromium."""

import importlib
import re
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.agents.board import NoticeBoard
from tests.serving.homes import copy_home, make_home
from tests.serving.listening import served_by
from tests.serving.town import GOOD, Town, open_town

from .test_browser import browsing

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NOTICE = "明天 <b>全厂</b> 停机检修"
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def board() -> NoticeBoard:
    return NoticeBoard()


@pytest.fixture(scope="module")
def served(chainlit_home: Path, tmp_path_factory: pytest.TempPathFactory, board: NoticeBoard) -> Iterator[tuple[str, Town]]:
    folder = tmp_path_factory.mktemp("approvals")
    home = copy_home(make_home(folder / "made"), folder / "home")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Chainlit imports
        login: Any = importlib.import_module("ui.login_page")
        approvals: Any = importlib.import_module("ui.approvals_page")

    def settle(town: Town) -> None:
        for name, role in (("anna", "staff"), ("oskar", "operator"), ("boss", "operator")):
            town.hire(name, role)  # pyright: ignore[reportArgumentType]
        town.hire("eve", "operator", tenant="纺织厂")
        login.add_login(town.app, town.platform.settings, "/chat/")
        approvals.add_approvals(town.app, town.platform.settings, "/chat/")

    with served_by(lambda: open_town(home, board.tool()), settle) as (address, town):
        yield address, town


def ask_for_a_notice(address: str, town: Town, name: str = "anna", text: str = NOTICE) -> str:
    """The run that waits."""
    with httpx.Client(base_url=address, headers={"authorization": f"Bearer {town.keys[name]}"}) as program:
        run = program.post("/v1/runs", json={"question": f"发布公告{text}"}).json()["id"]
        while program.get(f"/v1/runs/{run}").json()["status"] == "running":
            time.sleep(0.02)
    return run


@contextmanager
def logged_in(address: str, name: str, tenant: str = "") -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, headers={"origin": address}) as browser:
        assert browser.post("/login", data={"name": name, "password": GOOD, "tenant": tenant}).status_code == 303
        yield browser


def fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(csrf|approval)" value="([^"]+)"', page))


def test_who_may_decide_sees_what_others_ask_for_and_decides_once(served: tuple[str, Town], board: NoticeBoard) -> None:
    address, town = served
    run = ask_for_a_notice(address, town)
    with logged_in(address, "oskar") as oskar, logged_in(address, "boss") as boss:
        shown = oskar.get("/approvals")
        assert "发布公告" in shown.text
        assert "anna" in shown.text
        assert "&lt;b&gt;全厂" in shown.text
        assert "script" not in shown.text
        assert shown.headers["content-security-policy"].startswith("default-src 'none'")
        assert shown.headers["cache-control"] == "no-store"
        form = fields(shown.text)
        assert oskar.post("/approvals", data=form | {"decision": "approve", "reason": " "}).status_code == 422
        assert boss.post("/approvals", data=form | {"decision": "approve", "reason": "好"}).headers["location"].startswith("/login")
        before = len(board.published)
        assert oskar.post("/approvals", data=form | {"decision": "approve", "reason": "已排产"}).status_code == 303
        again = oskar.post("/approvals", data=form | {"decision": "approve", "reason": "已排产"})
        assert (again.status_code, "不能再改" in again.text) == (409, True)
        late = boss.post("/approvals", data=form | fields(boss.get("/approvals").text) | {"approval": form["approval"], "csrf": csrf(boss)})
        assert late.status_code == 422
        late = boss.post("/approvals", data={"csrf": csrf(boss), "approval": form["approval"], "decision": "reject", "reason": "不"})
        assert late.status_code == 409
        assert "没有等待" in oskar.get("/approvals").text
    with httpx.Client(base_url=address, headers={"authorization": f"Bearer {town.keys['anna']}"}) as program:
        while program.get(f"/v1/runs/{run}").json()["status"] in ("running", "waiting"):
            time.sleep(0.02)
    assert len(board.published) == before + 1


def csrf(browser: httpx.Client) -> str:
    """Any page with a form repeats the session's own token."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get("/login/password").text)
    assert found
    return found[1]


def test_nobody_else_sees_or_decides_anything(served: tuple[str, Town], board: NoticeBoard) -> None:
    address, town = served
    ask_for_a_notice(address, town, "oskar", "夜班调休")
    with logged_in(address, "boss") as boss:
        form = fields(boss.get("/approvals").text)
    before = list(board.published)
    for name, tenant, status in (("anna", "", 403), ("oskar", "", 200), ("eve", "纺织厂", 200)):
        with logged_in(address, name, tenant) as browser:
            shown = browser.get("/approvals")
            assert (shown.status_code, "夜班调休" in shown.text) == (status, False)
            decided = browser.post("/approvals", data=form | {"csrf": csrf(browser), "decision": "approve", "reason": "好"})
            assert decided.status_code in (403, 404)
    assert httpx.get(f"{address}/approvals").headers["location"].startswith("/login")
    with logged_in(address, "boss") as boss:
        given = form | {"csrf": csrf(boss), "decision": "approve", "reason": "好"}
        assert boss.post("/approvals", data=given, headers={"origin": "https://evil.example"}).status_code == 400
        assert boss.post("/approvals", data=given | {"csrf": "0" * 64}).headers["location"].startswith("/login")
        assert board.published == before
        assert boss.post("/approvals", data=given | {"decision": "reject"}).headers["location"] == "/approvals?done=rejected"


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)")
def test_on_a_phone_an_operator_approves_with_a_reason(served: tuple[str, Town], board: NoticeBoard, tmp_path: Path) -> None:
    address, town = served
    ask_for_a_notice(address, town)
    with browsing(tmp_path / "browser", **PHONE) as (page, strangers):
        page.goto(f"{address}/approvals")
        page.fill("input[name=name]", "oskar")
        page.fill("input[name=password]", GOOD)
        page.click("button")
        expect(page).to_have_url(re.compile("/approvals$"))
        expect(page.locator(".card")).to_have_count(1)
        expect(page.locator("dd").first).to_have_text(NOTICE)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.screenshot(path=tmp_path / "approvals.png", full_page=True)
        page.click("button.approve")
        expect(page.locator(".card")).to_have_count(1)  # no reason, nothing sent
        page.fill("textarea", "检修计划已确认")
        page.click("button.approve")
        expect(page.get_by_role("status")).to_contain_text("已批准")
        expect(page.locator(".card")).to_have_count(0)
        assert strangers == []
    audit = town.platform.approvals.list_approvals(town.people["oskar"], status="approved")[0]
    assert (audit.reason, audit.decided_by) == ("检修计划已确认", town.people["oskar"].id)
