"""Numbers with units in Chinese text (0.42吨标煤, 86.4万, 一万块, 三成, 两个半小时, 2026年3月1日).

Codes and clause ids (GB/T22239-2019, 7.2.1, 6S) give nothing; dates and ordinals are given with their kind, so that nobody
mistakes them for amounts. A range is two numbers.
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from .numerals import MYRIADS, UNITS, parse_numeral

Kind = Literal["number", "date", "ordinal"]


@dataclass(frozen=True)
class Quantity:
    """A number with the unit written after it; `value` is the plain number (1.36亿 → 136000000, 三成 → 30 %)."""

    value: float
    unit: str
    start: int
    end: int
    text: str
    kind: Kind = "number"
    iso: str = ""
    """kind date: what of the date was said, as ISO (2025-03-01, 2025-03, 2025, --03-01); empty for quarters and clock times."""


class Measure(NamedTuple):
    """What a unit measures, and how many base units it is."""

    dimension: str
    factor: float


_SIZES = {
    "money": "元 块钱 块 人民币 RMB 毛=0.1 角=0.1 千元=1e3 万元=1e4 百万元=1e6 亿元=1e8",
    "time": "毫秒=0.001 秒钟 秒 s 分钟=60 min=60 刻钟=900 小时=3600 钟头=3600 h=3600 工作日=86400 自然日=86400 天=86400 日=86400"
    " 周=604800 星期=604800 礼拜=604800 月=2592000 季度=7776000 季=7776000 年=31536000",
    "labour": "人天 人日 工日 个工 工时=0.125 人时=0.125 人小时=0.125 人月=21.75",
    "percent": "% ‰=0.1 成=10 个百分点 百分点",
    "coal": "吨标准煤 吨标煤 tce 公斤标准煤=1e-3 公斤标煤=1e-3 千克标准煤=1e-3 千克标煤=1e-3 kgce=1e-3 克标准煤=1e-6 克标煤=1e-6 gce=1e-6",
    "raw_coal": "吨煤 公斤煤=1e-3 千克煤=1e-3",
    "electricity": "度电 度 千瓦时 kWh KWH kwh 兆瓦时=1e3 MWh=1e3",
    "heat": "吉焦 GJ 兆焦=1e-3 MJ=1e-3",
    "mass": "吨 t 公斤=1e-3 千克=1e-3 kg=1e-3 KG=1e-3 斤=5e-4 克=1e-6 g=1e-6",
    "volume": "立方米 立方 m3 方 升=1e-3 L=1e-3",
    "area": "平方米 平米 亩=666.6666667",
    "length": "毫米=1e-3 mm=1e-3 厘米=1e-2 公里=1e3 米",
    "score": "分",
    "multiple": "倍",
    "count": "个 件 台 人 名 位 户 家 次 单 起 条 份 回 套 只 张 票 例 批 笔 场 趟 人次 用户 项 辆 支 箱 吨产品 岗位 坐席 通 宗 桩 款"
    " 封 片 根 颗 瓶 双 把 口 号人 间 座 门",
}
"""Units by what they measure, each with its size in the first one's."""
_GASES = ("二氧化碳当量", "二氧化碳", "CO2e", "CO2", "碳")


def _measures() -> dict[str, Measure]:
    table: dict[str, Measure] = {}
    for dimension, units in _SIZES.items():
        for written in units.split():
            name, _, size = written.partition("=")
            table[name] = Measure(dimension, float(size or 1))
    masses = {name: size for name, (dimension, size) in table.items() if dimension == "mass"}
    return table | {mass + gas: Measure("co2", size) for mass, size in masses.items() for gas in _GASES}


_MEASURES = _measures()


def measure(unit: str) -> Measure | None:
    """What `unit` measures; `a/b` is measured part by part (tce/万元)."""
    if unit in _MEASURES:
        return _MEASURES[unit]
    top, slash, bottom = unit.partition("/")
    above, below = _MEASURES.get(top), _MEASURES.get(bottom)
    if not slash or not above or not below:
        return None
    return Measure(f"{above.dimension}/{below.dimension}", above.factor / below.factor)


_NUM = "零〇一二三四五六七八九十百千万亿两俩仨"
_SHORT = "|".join(re.escape(name) for name in sorted(_MEASURES, key=len, reverse=True))
_UNIT = rf"(?:{_SHORT})(?![A-Za-z])(?:\s*(?:/|每(?![次场回个单]))\s*(?:{_SHORT}|单位)(?![A-Za-z]))?"
_ARABIC = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_SCALE = r"个?[十百千]?(?:万亿|[万亿])|[百千](?![分克瓦米卡])|[wW](?![A-Za-z])"
_CODES = re.compile(
    r"(?<![A-Za-z])(?!(?:AD|EF|ad|ef|NPS|CSAT)[\d.])[A-Za-z][A-Za-z0-9/._-]*\d[A-Za-z0-9._/-]*"
    r"|\d+(?:\.\d+){2,}(?:-[A-Za-z0-9]+)*|\d+[SGDVsd](?![A-Za-z])|\d+\s*[×xX*]\s*24(?:小时)?|24\s*/\s*7"
    r"|千万(?=别|不要|要|记)|万一|一半|一起(?!投诉|客诉|事故)|一次性|一口气|一把手|一方面|[双三多一]方(?=面|机构|的|$)|一条龙|一天到晚|一年到头|一成不变|一度(?!电)|一分钱|"
    r"十四五|十五五|双十一|一带一路|三三两两|七七八八|[零一二三四五六七八九十]+后(?=员工|的|们)|\d+[A-Z]+\d+"
)
_ORDINALS = re.compile(rf"第\s*(?P<n>\d+|[{_NUM}]+)")
_Y, _M = r"(?:(?:19|20)\d{2}|二[〇零][〇零一二三四五六七八九]{2})", r"(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
_D = r"(?:[12]\d|3[01]|0?[1-9]|二?十[一二三四五六七八九]?|三十一?|[一二三四五六七八九])"
_DATES = re.compile(
    rf"(?P<y>{_Y})(?:\s*年(?:度|\s*(?P<m>{_M})\s*月(?:份|\s*(?P<d>{_D})\s*[日号])?)?|(?P<sep>[-/.])(?P<m3>1[0-2]|0?[1-9])(?:(?P=sep)(?P<d3>3[01]|[12]\d|0?[1-9])|(?<!\.\d)(?<!\.\d\d))(?![\d.%万亿]))"
    rf"|(?<![\d.{_NUM}])(?P<m2>{_M})月(?:份|(?P<d2>{_D})\s*[日号])?(?!\d)"
    rf"|[前一二三四1-4]{{1,2}}季度(?!的?时间)|(?<!\d)\d{{1,2}}[:：]\d{{2}}|(?<![\d.])\d{{1,2}}点(?!\d)(?:半|钟)?"
)
_PERCENT = re.compile(
    rf"(?P<base>百分之|千分之)(?P<n>{_ARABIC}|[{_NUM}]+(?:点[{_NUM}]+)?)"
    r"|(?P<tens>[一二两三四五六七八九]|\d)成(?P<ones>[一二三四五六七八九半\d])?(?![为了交本品功立效长])"
)
_HALVES = re.compile(r"(?<![上下大一])(?<![前后](?=半个?[年月]))半(?:个)?(?P<u>小时|钟头|天|日|月|年|周|星期|分钟|吨|公斤|斤|成)")
_NUMBERS = re.compile(
    rf"(?P<sign>(?:(?<![\dA-Za-z.%％{_NUM}年月日])[-−]|负)?)"
    rf"(?:(?P<a>(?<![\d.A-Za-z]){_ARABIC}|(?<=AD){_ARABIC}|(?<=EF){_ARABIC})(?P<more>\s*[多余来](?=[万亿百千]|{_UNIT}))?(?:\s*(?P<s>{_SCALE})(?:(?P<tail>\d{{1,4}}(?:\.\d+)?)(?P<ts>[万千百])|(?P<ell>\d)(?![\d.%]))?)?"
    rf"|(?P<c>(?:(?![百千][克瓦米卡])[{_NUM}])+)(?P<about>[多余来])?(?:点(?P<cd>[零〇一二三四五六七八九]+))?(?P<cs>个?[万亿])?)"
    rf"(?P<gap>\s*)(?:(?:个(?P<half>半)?(?=(?:小时|钟头|月|星期|礼拜|季度|人天|人日|工作日|工日|工时|人月|人(?!次)|半)))?(?P<u>{_UNIT}|个|%|‰)(?P<half2>半(?![径成])|(?P<small>(?<=块)[\d一二三四五六七八九](?![\d{_NUM}])))?)?"
)
_LINK = re.compile(r"\s*(?:[、~～—–/]|-{1,2}|和|跟|与|及|以及|到|至|、?还有|[，,])\s*")


def quantities(text: str) -> list[Quantity]:
    """Every number, date and ordinal in `text`, in order; offsets are those of `text`."""
    plain = "".join(n if len(n := unicodedata.normalize("NFKC", c)) == 1 else c for c in text)
    found: list[Quantity] = []
    at = 0
    while at < len(plain):
        hit, end = _next(plain, at)
        if hit:
            found.append(replace(hit, text=text[hit.start : hit.end]))
        at = max(end, at + 1)
    return _compose(_share_units(found, plain), text)


def _next(plain: str, at: int) -> tuple[Quantity | None, int]:
    """What starts at `at`: a quantity, or nothing, and where to go on."""
    for pattern, make in _MAKERS:
        match = pattern.match(plain, at)
        if match and match.end() > at:
            made = make(match) if make else None
            if made or not make:
                return made, made.end if made else match.end()
            if pattern is _NUMBERS:
                return None, match.end("c")
    return None, at + 1


def _cardinal(text: str) -> int:
    return parse_numeral(text) or 0


def _date(match: re.Match[str]) -> Quantity:
    year, month, day = match["y"], match["m"] or match["m2"] or match["m3"], match["d"] or match["d2"] or match["d3"]
    iso = f"{_cardinal(year):04d}" if year else "-" if month else ""
    iso += f"-{_cardinal(month):02d}" if month else ""
    iso += f"-{_cardinal(day):02d}" if day else ""
    return Quantity(float(_cardinal(year)) if year else 0.0, "", match.start(), match.end(), match[0], "date", iso)


def _ordinal(match: re.Match[str]) -> Quantity:
    return Quantity(float(_cardinal(match["n"])), "", match.start(), match.end(), match[0], "ordinal")


def _percent(match: re.Match[str]) -> Quantity:
    if match["tens"]:
        ones = match["ones"]
        value = 10.0 * _cardinal(match["tens"]) + (5 if ones == "半" else _cardinal(ones) if ones else 0)
    else:
        value = _decimal(match["n"]) / (10 if match["base"] == "千分之" else 1)
    return Quantity(value, "%", match.start(), match.end(), match[0])


def _half(match: re.Match[str]) -> Quantity:
    return Quantity(0.5, match["u"], match.start(), match.end(), match[0])


def _decimal(text: str) -> float:
    if text[0].isdigit():
        return float(text.replace(",", ""))
    whole, _, rest = text.partition("点")
    return _cardinal(whole) + (float("0." + "".join(str(_cardinal(c)) for c in rest)) if rest else 0.0)


def _number(match: re.Match[str]) -> Quantity | None:
    unit = match["u"] or ""
    if match["c"]:
        numeral = match["c"]
        if not _stands_alone(match, unit) or "百千" in numeral:
            return None
        value = _chinese(numeral, match["cd"], match["cs"])
    else:
        value = float(match["a"].replace(",", ""))
        value = _times(value, _scale(match["s"] or ""))
        if match["tail"]:
            value += float(match["tail"]) * _scale(match["ts"])
        elif match["ell"]:
            value += int(match["ell"]) * _scale(match["s"]) / 10
    if match["half"] or (match["half2"] and not match["small"]):
        value += 0.5
    if match["small"]:
        value += _cardinal(match["small"]) / 10
    unit = {"个工": "人天", "个百分点": "百分点", "号人": "人"}.get(unit, re.sub(r"\s*[/每]\s*", "/", unit))
    end = match.end() if unit else match.start("gap")
    return Quantity(-value if match["sign"] else value, unit, match.start(), end, match.string[match.start() : end])


def _stands_alone(match: re.Match[str], unit: str) -> bool:
    """Whether a Chinese numeral is a number here: it counts something, is long and well formed, or stands in an enumeration."""
    numeral, text = match["c"], match.string
    before = text[match.start() - 1 : match.start()]
    if re.fullmatch("[一二三四五六七八九两]{2}", numeral) or (numeral[0] in "十百千万亿" and before in ("几", "数")):
        return False  # 四五个 and 几十个 are no numbers
    if numeral[0] in "百千万亿" and numeral not in ("百", "千", "百万", "千万"):
        return False
    if unit or match["half"] or match["cs"] or match["cd"]:
        return before not in ("统", "同", "唯", "逐", "十") or len(numeral) > 1
    if len(numeral) > 1 and any(c in UNITS or c in MYRIADS for c in numeral[1:]):
        return numeral not in ("千万", "百万")
    after = text[match.end("c") : match.end("c") + 3]
    return bool(re.match(rf"\s*[、和跟,，][{_NUM}\d]", after)) or (
        numeral[0] not in "一万千百亿" and bool(re.search(rf"[{_NUM}\d][、和跟]\s*$", text[: match.start()]))
    )


def _chinese(numeral: str, decimals: str | None, scale: str | None) -> float:
    if decimals:
        return _times(float(f"{_cardinal(numeral)}." + "".join(str(_cardinal(c)) for c in decimals)), _scale(scale or ""))
    elliptic = re.fullmatch(rf"([{_NUM}]*[百千万亿])([一二三四五六七八九])", numeral)  # 两百三 is 230, 一万五 is 15000
    if elliptic:
        return float(_cardinal(elliptic[1]) + _cardinal(elliptic[2]) * _scale(elliptic[1][-1]) // 10)
    return float(_cardinal(numeral)) * _scale(scale or "")


def _scale(word: str) -> int:
    product = 1
    for c in word.removeprefix("个"):
        product *= 10_000 if c in "wW" else (UNITS | MYRIADS)[c]
    return product


def _times(value: float, scale: int) -> float:
    return float(f"{value * scale:.15g}")


def _share_units(found: list[Quantity], plain: str) -> list[Quantity]:
    """In 2、5、6.5小时 and 12、8、5万元 the last one's unit, and its 万, hold for all."""
    scale = 1
    for i in range(len(found) - 2, -1, -1):
        here, after = found[i], found[i + 1]
        if here.unit or {here.kind, after.kind} != {"number"} or not _LINK.fullmatch(plain[here.end : after.start]):
            scale = 1
            continue
        written = re.search(rf"[万亿wW](?=\s*{re.escape(after.unit)}$)", unicodedata.normalize("NFKC", after.text))
        scale = _scale(written[0]) if written else scale
        bare = not re.search(r"[百千万亿wW]", here.text)
        if not bare and plain[here.end : after.start].strip() in ("，", ","):
            continue  # 投了500万，三年收回: two statements
        found[i] = replace(here, unit=after.unit, value=_times(here.value, scale if bare else 1))
    return found


def _compose(found: list[Quantity], text: str) -> list[Quantity]:
    """2小时30分钟 is one time, 1亿3600万 one amount."""
    merged: list[Quantity] = []
    for item in found:
        last = merged[-1] if merged else None
        ours, theirs = _clock(item.unit), _clock(last.unit) if last else 0.0
        if last and last.end == item.start and 0 < ours < theirs:
            unit = "分钟" if last.unit == "分" else last.unit
            value = last.value + item.value * ours / theirs
            merged[-1] = replace(last, unit=unit, value=value, end=item.end, text=text[last.start : item.end])
        else:
            merged.append(item)
    return merged


def _clock(unit: str) -> float:
    """Seconds in a unit of time, 0 for anything else; 1分20秒 is a time although 分 alone is a score."""
    found = measure("分钟" if unit == "分" else unit)
    return found.factor if found and found.dimension == "time" else 0.0


_MAKERS = (
    (_DATES, _date),
    (_CODES, None),
    (_ORDINALS, _ordinal),
    (_PERCENT, _percent),
    (_HALVES, _half),
    (_NUMBERS, _number),
)
