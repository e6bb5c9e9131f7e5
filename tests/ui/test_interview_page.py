"""A guided interview on the page, in a real browser: asked for in words, answered by buttons, confirmed, concluded; again on a phone."""

from pathlib import Path

import docx
import pytest
from playwright.sync_api import Page, expect

from .test_browser import CHROMIUM, attach, browsing, free_port, send, served

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)")]
LIVE = ".sz-interview[data-live=true]"


def turn(page: Page, question: str, *, by_button: bool = False) -> None:
    """Say something, and wait for the interview's next drawing."""
    before = page.locator(".sz-interview").count()
    if by_button:
        page.locator(f"{LIVE} [data-option='{question}']").click()
    else:
        send(page, question)
    expect(page.locator(".sz-interview")).to_have_count(before + 1)
    expect(page.locator(LIVE)).to_have_count(1)


def test_an_interview_from_the_first_sentence_to_the_diagnosis(tmp_path: Path) -> None:
    port, log, browser = free_port(), tmp_path / "server.log", tmp_path / "browser"
    command = ("-m", "serving", "up", "--port", str(port))
    form = tmp_path / "自评.docx"
    document = docx.Document()
    document.add_paragraph("网络安全 | 三级")
    document.save(str(form))
    with served(*command, port=port, log=log) as url, browsing(browser) as (page, strangers):
        page.goto(url)
        turn(page, "帮我做数字化诊断")
        expect(page.locator(f"{LIVE} .sz-question")).to_contain_text("企业名称")
        turn(page, "临江精塑制品有限公司")
        turn(page, "我们是做注塑的，120人，用了用友ERP，质检靠人看。车间通了网，凭经验排产，统一了物料编码")
        expect(page.locator(LIVE)).to_have_count(1)
        expect(page.locator(LIVE)).to_contain_text("5/20 项有依据")
        turn(page, "2", by_button=True)
        expect(page.locator(LIVE)).to_have_count(1)
        expect(page.locator(LIVE)).to_contain_text("6/20 项有依据")
        page.screenshot(path=str(tmp_path / "question.png"))

        send(page, "块存储走什么协议？")  # answered by the assistant; the open question comes back
        expect(page.get_by_text("回到访谈")).to_be_visible()
        expect(page.locator(".sz-card").first).to_be_visible()

        turn(page, "1")
        page.locator(f"{LIVE} .sz-more").click()
        rating = page.locator(f"{LIVE} .sz-rating[data-item='经营管理系统']")
        expect(rating.locator("blockquote")).to_contain_text("用了用友ERP")
        rating.get_by_role("button", name="修改").click()
        rating.locator("select").select_option("2")
        rating.get_by_placeholder("为什么改").fill("现场只用了财务模块")
        rating.get_by_role("button", name="保存").click()
        expect(rating).to_contain_text("已更正 · local")
        page.get_by_role("button", name="全部确认").click()
        expect(page.locator(LIVE)).to_have_count(1)  # drawings look for the newest one once they are on the page
        expect(page.locator(LIVE)).to_contain_text("7 项已确认")
        page.locator(f"{LIVE} [data-cell='经营管理系统']").click()
        expect(page.locator(f"{LIVE} .sz-why")).to_contain_text("由 local 确认")
        expect(page.locator(f"{LIVE} .sz-radar text")).to_have_count(5)
        page.locator(f"{LIVE} .sz-matrix").scroll_into_view_if_needed()
        page.screenshot(path=str(tmp_path / "ratings.png"))

        before = page.locator(".sz-interview").count()
        attach(page, form)  # a form that comes while the interview is open is read into it
        page.click("#chat-submit")
        expect(page.locator(".sz-interview")).to_have_count(before + 1)
        expect(page.locator(LIVE)).to_have_count(1)
        expect(page.locator(LIVE)).to_contain_text("8/20 项有依据")
        address = page.url
        assert strangers == []

    with (
        served(*command, port=port, log=log) as url,
        browsing(tmp_path / "phone", viewport={"width": 390, "height": 844}) as (page, strangers),
    ):
        page.goto(url)
        page.goto(address)
        expect(page.locator(LIVE)).to_have_count(1)  # drawings look for the newest one once they are on the page
        expect(page.locator(LIVE)).to_contain_text("7 项已确认")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator(f"{LIVE} .sz-more").click()
        page.locator(f"{LIVE} [data-cell='网络与算力']").click()
        expect(page.locator(f"{LIVE} .sz-why")).to_contain_text("网络与算力")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.screenshot(path=str(tmp_path / "phone.png"))
        turn(page, "出结果")
        expect(page.get_by_text("诊断结果：")).to_be_visible()
        expect(page.get_by_text("最弱的几项")).to_be_visible()
        page.screenshot(path=str(tmp_path / "result.png"))
        assert strangers == []
    assert "Traceback" not in log.read_text(encoding="utf-8")
