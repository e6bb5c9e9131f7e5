"""The page as people use it: a real server, a real Chromium, and nothing that leaves this machine."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docx
import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)")]

ROOT = Path(__file__).parents[2]
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
QUESTION = "在线智能检测的先进级和卓越级，要求差在哪里？"
SLOW_MS = 30_000


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def served(*command: str, port: int, log: Path) -> Iterator[str]:
    """A server process; yields its address once it answers."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 90
        while True:
            try:
                if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(log.read_text(encoding="utf-8"))
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def browsing(folder: Path, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """A page, and the addresses it asked for that are not this machine's."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=CHROMIUM, args=FLAGS.split(), locale="en-US", **({"viewport": {"width": 1280, "height": 860}} | options)
        )
        strangers: list[str] = []

        def watch(request: Any) -> None:
            if not re.match(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:", request.url):
                strangers.append(request.url)

        page = context.pages[0] if context.pages else context.new_page()
        page.on("request", watch)
        page.set_default_timeout(SLOW_MS)
        expect.set_options(timeout=SLOW_MS)
        yield page, strangers
        context.close()


def ask(page: Page, question: str, element: str = ".sz-answer") -> None:
    before = page.locator(element).count()
    send(page, question)
    expect(page.locator(element)).to_have_count(before + 1)


def send(page: Page, question: str) -> None:
    page.click("#chat-input")
    page.keyboard.insert_text(question)
    expect(page.locator("#chat-submit")).to_be_enabled()  # the page is connected
    page.keyboard.press("Enter")


def attach(page: Page, *files: Path) -> None:
    page.set_input_files("#upload-button-input", [str(file) for file in files])
    for file in files:
        expect(page.locator("#message-composer")).to_contain_text(file.name)


def test_from_the_first_question_to_the_next_day(tmp_path: Path) -> None:
    port, log, browser = free_port(), tmp_path / "server.log", tmp_path / "browser"
    command = ("-m", "serving", "up", "--port", str(port))
    notes = tmp_path / "点检办法.docx"
    document = docx.Document()
    document.add_heading("设备点检管理办法", 0)
    document.add_heading("1 保存", 1)
    document.add_paragraph("点检记录保存期限不少于18个月，由设备科负责归档。")
    document.save(str(notes))

    with served(*command, port=port, log=log) as url, browsing(browser) as (page, strangers):
        page.goto(url)
        expect(page).to_have_url(f"{url}/chat/")
        expect(page.locator("#starters > div").first.locator("button")).to_have_count(4)
        expect(page.locator("[id^=starter-]")).to_have_count(3)  # the first group is open
        assert "问标准" in (page.locator("#chat-input").get_attribute("data-placeholder") or page.content())

        ask(page, QUESTION)
        expect(page.locator(".sz-card")).to_have_count(2)
        expect(page.locator("a.element-link")).to_have_text(["[1]", "[2]"])
        expect(page.get_by_text("检索条款 · ")).to_be_visible()
        expect(page).to_have_url(re.compile(r"/chat/thread/[0-9a-f]{32}$"))

        page.locator("a.element-link").nth(1).click()  # a mark in the text opens its clause
        expect(page.locator(".sz-clause[data-clause='JSSF-24-卓越'] mark")).not_to_have_count(0)
        page.locator(".sz-card").first.click()
        panel = page.locator(".sz-clause[data-clause='JSSF-24-先进']")
        expect(panel.locator("mark")).not_to_have_count(0)
        panel.locator("[data-near='JSSF-24-基础']").click()
        expect(page.locator(".sz-clause[data-clause='JSSF-24-基础']")).to_be_visible()
        expect(page.locator("#side-view-title")).to_contain_text("JSSF-24-基础")

        ask(page, "今天天气怎么样")
        expect(page.locator(".sz-refusal")).to_have_count(1)
        ask(page, "年初有240个客户，年底还剩204个，客户留存率是多少？")
        expect(page.locator(".sz-result strong")).to_have_text("85%")

        attach(page, notes)
        send(page, "点检记录要保存多久？")
        expect(page.locator(".sz-document")).to_contain_text("设备点检管理办法")
        expect(page.locator(".sz-source-document").first).to_be_visible()

        page.locator(".positive-feedback-off").first.click()
        page.click("#submit-feedback")
        expect(page.locator(".positive-feedback-on")).to_have_count(1)
        address, shown = page.url, page.locator(".sz-answer").count()
        assert strangers == []

    with served(*command, port=port, log=log), browsing(browser, viewport={"width": 390, "height": 844}) as (page, strangers):
        page.goto(address)
        expect(page.locator(".sz-answer")).to_have_count(shown)
        expect(page.locator(".positive-feedback-on")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator(".sz-card").first.click()
        expect(page.locator(".sz-clause mark")).not_to_have_count(0)
        page.keyboard.press("Escape")
        ask(page, "车间智能排产的领航级怎么要求？")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert strangers == []
    assert "Traceback" not in log.read_text(encoding="utf-8")


def test_stop_reload_and_approval(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "server.log"
    command = ("-m", "tests.ui.workshop", str(tmp_path / "workshop"), str(port))
    with served(*command, port=port, log=log) as url, browsing(tmp_path / "browser") as (page, strangers):
        page.goto(url)
        send(page, QUESTION)
        expect(page.get_by_text("检索条款 · ")).to_be_visible()
        page.click("#stop-button")
        expect(page.get_by_text("已停止")).to_be_visible()
        expect(page.locator("#stop-button")).to_have_count(0)

        send(page, QUESTION)
        expect(page.locator("#stop-button")).to_be_visible()
        page.wait_for_timeout(500)
        page.reload()  # the run goes on, and the page comes back to it
        expect(page.locator(".sz-card").first).to_be_visible()

        ask(page, "发布需求：找一家热处理厂", ".sz-approval")
        page.get_by_role("button", name="批准").click()
        expect(page.get_by_text("编号 XQ-0001")).to_be_visible()
        expect(page.get_by_text("已批准")).to_be_visible()
        expect(page.get_by_role("button", name="批准")).to_have_count(0)
        assert strangers == []
    assert "Traceback" not in log.read_text(encoding="utf-8")
