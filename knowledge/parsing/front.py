"""What a document says about itself before its body: title, standard code, date, status."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from .blocks import despaced

TITLE_LENGTH = 90
_CODE = re.compile(r"(?<![A-Z/])((?:[A-Z]{1,4}\d{0,6}(?:/[A-Z]{1,8})?)\s*[\dXx]{1,6}(?:\.\d+)*\s*[—–\-]+\s*(?:\d{4}|X{2,4}))(?!\d)")
_DATE = re.compile(r"((?:19|20)\d{2})\s*(?:年|[-./])\s*(\d{1,2})\s*(?:月|[-./])\s*(\d{1,2})")
_EDITION = re.compile(r"((?:19|20)\d{2})\s*年?\s*版")
_NAME_DATE = re.compile(r"[(（]((?:19|20)\d{2}-\d{2}-\d{2})[)）]")
_KINDS = "标准|规范|要求|指南|办法|条例|规定|细则|方案|体系|参考|法|意见|决定|制度|规则|通知|手册|导则|章程|合同|协议|报告|计划|规划"
_TITLE_END = re.compile(rf"(?:{_KINDS})(?:[(（].{{0,20}}[)）])?$")
_NOT_TITLE = re.compile(
    r"^(?:ICS|CCS|中国标准|(?:团体|国家|地方|行业|企业)标准?$|中华人民共和国(?:国家|.{2,8}行业)标准$|附件|目次|目录|前言|征求意见稿|送审稿|报批稿)"
    r"|发布$|实施$|^[(（].*[)）]$|^(?:发布|实施|施行|公布)"
)
_NOT_ISSUED = ("实施", "施行", "生效")


@dataclass(frozen=True)
class Front:
    """The facts of a title page."""

    title: str
    code: str
    version: str
    """Date of issue as YYYY-MM-DD, or the edition (2026年版), or empty."""
    status: str
    """征求意见稿, 发布, or empty."""


def read_front(lines: Sequence[tuple[str, int]], name: str) -> Front:
    """The title page's facts.

    Args:
        lines: its lines in order, each with its heading level (0: none stated).
        name: the file's name; what the page does not say may stand there.
    """
    texts = [unicodedata.normalize("NFKC", text) for text, _ in lines]
    page = "\n".join(texts)
    code = next((" ".join(match[1].replace("--", "—").split()) for text in texts if (match := _CODE.search(text)) and len(text) < 60), "")
    return Front(title=find_title(lines) or stem(name), code=code, version=_version(texts, name), status=_status(page + name, texts))


def find_title(lines: Sequence[tuple[str, int]]) -> str:
    """The likeliest title among a title page's lines, or empty."""
    best, best_score = "", 0.0
    for position, (text, level) in enumerate(lines):
        bare = despaced(text)
        if not 2 <= len(bare) <= TITLE_LENGTH or not any("一" <= char <= "鿿" for char in bare) or _NOT_TITLE.search(bare):
            continue
        if _CODE.fullmatch(text.strip()) or _DATE.match(text.strip()) or bare[-1] in "。；:：":
            continue
        score = 10 - position * 0.1 + (5 - level if level else 0) + (4 if _TITLE_END.search(bare) else 0) + min(len(bare), 20) / 10
        if score > best_score:
            best, best_score = " ".join(text.split()), score
    return best


def stem(name: str) -> str:
    """A file's name without folders and suffix."""
    base = re.split(r"[/\\]", name)[-1]
    return re.sub(r"\.[A-Za-z][A-Za-z0-9]{0,7}$", "", base) or base


def _version(texts: Sequence[str], name: str) -> str:
    """The latest date that is not one of coming into force (a date in brackets in the file's name counts), else the edition."""
    dates: list[str] = []
    for text in texts:
        parts = _DATE.split(text)
        for at in range(1, len(parts) - 1, 4):
            after = re.split(r"[，,。;；]", parts[at + 3])[0]
            if not (any(word in after for word in _NOT_ISSUED) and "发布" not in after):
                dates.append(f"{parts[at]}-{int(parts[at + 1]):02d}-{int(parts[at + 2]):02d}")
    named = _NAME_DATE.search(name)
    if named:
        dates.append(named[1])
    if dates:
        return max(dates)
    edition = next((match for text in texts if (match := _EDITION.search(text))), None)
    return f"{edition[1]}年版" if edition else ""


def _status(page: str, texts: Sequence[str]) -> str:
    if "征求意见稿" in despaced(page):
        return "征求意见稿"
    issued = any(_DATE.search(text) and ("发布" in text or "公布" in text or "通过" in text) for text in texts)
    return "发布" if issued or any(despaced(text).endswith("发布") for text in texts) else ""
