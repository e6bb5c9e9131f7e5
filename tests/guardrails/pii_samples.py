"""Valid values of every kind, made from a seed, and the ways in which people write them into Chinese sentences."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from domain.check_digits import credit_check, id_check, luhn_digit

CARRIERS = [
    "请联系{}谢谢",
    "我的是{}你记一下",
    "，{}。",
    "（{}）",
    "“{}”",
    "他说{}能用吗",
    "原来写成了{}现在要改",
    "张工的{}和李工的不一样",
    "系统里登记{}已核对",
    "把{}发给我",
    "用{}登录平台",
    "信息如下：{}，请查收",
    "值班表上写着{}吧",
    "今天收到{}发来的材料",
    "由{}负责对接",
    "备注{}备注完",
    "一、{}；二、无",
    "结果显示{}重复了两次",
    "企业填报了{}作为联系渠道",
    "我司{}已变更",
    "改为{}即可",
    "从{}查到了记录",
    "附件里有{}请脱敏后再公开",
    "看板上出现{}需要处理",
    "请不要把{}写进报告",
    "登记的{}属于个人信息",
    "车间门口贴着{}呢",
    "导出的表里有{}这一行",
    "现场核对{}无误",
    "麻烦查一下{}是谁的",
]
LABELS = {
    "pii.resident_id": "身份证号",
    "pii.mobile": "手机号",
    "pii.landline": "座机",
    "pii.bank_card": "银行卡号",
    "pii.uscc": "统一社会信用代码",
    "pii.passport": "护照号",
    "pii.travel_permit": "港澳通行证",
    "pii.vehicle_plate": "车牌",
    "pii.email": "邮箱",
    "pii.ip": "服务器",
}
NEEDS_LABEL = {"pii.travel_permit"}
"""Eight digits after a letter are a permit only where something says so."""
WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
CHINESE = str.maketrans("0123456789", "零一二三四五六七八九")
YAO = str.maketrans("0123456789", "〇幺二三四五六七八九")
SPEAKABLE = {"pii.resident_id", "pii.mobile", "pii.bank_card"}
GROUPS = {"pii.resident_id": (6, 8, 4), "pii.mobile": (3, 4, 4), "pii.bank_card": (4, 4, 4, 4, 3), "pii.uscc": (2, 6, 9, 1)}


@dataclass(frozen=True)
class Sample:
    """A sentence and the one value in it."""

    text: str
    rule: str
    start: int
    end: int


def digits(source: random.Random, count: int) -> str:
    return "".join(source.choice("0123456789") for _ in range(count))


def resident_id(source: random.Random) -> str:
    day = date(1950, 1, 1) + timedelta(days=source.randrange(21_000))
    area = source.choice(["110101", "320508", "370102", "440305", "510107", "610113", "650104", "820000"])
    first = f"{area}{day:%Y%m%d}{digits(source, 3)}"
    return first + id_check(first)


def mobile(source: random.Random) -> str:
    return source.choice(["130", "133", "138", "147", "150", "159", "166", "173", "177", "186", "189", "191", "198"]) + digits(source, 8)


def bank_card(source: random.Random) -> str:
    first = source.choice(["622202", "621700", "622848", "625912", "601382"]) + digits(source, 12)
    return first + luhn_digit(first)


def uscc(source: random.Random) -> str:
    body = "".join(source.choice("0123456789ABCDEFGHJKLMNPQRTUWXY") for _ in range(9))
    first = source.choice(["91", "92", "93", "52", "12"]) + source.choice(["110108", "370100", "440300", "310115"]) + body
    return first + credit_check(first)


def landline(source: random.Random) -> str:
    area, rest = source.choice([("010", 8), ("021", 8), ("0531", 8), ("0755", 8), ("0635", 7), ("0871", 8)])
    number = source.choice("2345678") + digits(source, rest - 1)
    return source.choice([f"{area}-{number}", f"({area}){number}", f"{area} {number}", f"400-{digits(source, 3)}-{digits(source, 4)}"])


def passport(source: random.Random) -> str:
    return source.choice("EG") + digits(source, 8)


def travel_permit(source: random.Random) -> str:
    return source.choice("CHM") + digits(source, 8)


def vehicle_plate(source: random.Random) -> str:
    place = source.choice("京津沪渝冀豫鲁苏浙粤鄂湘皖闽") + source.choice("ABCDEFGHJ")
    return source.choice([place + digits(source, 5), place + source.choice("KMPQ") + digits(source, 4), f"{place}·D{digits(source, 5)}"])


def email(source: random.Random) -> str:
    name = source.choice(["zhang.wei", "li_na88", "wang-fang", "sales", "a1b2c3"])
    return f"{name}@{source.choice(['example.com', 'qq.com', 'factory.com.cn', 'mail.example.org'])}"


def ip(source: random.Random) -> str:
    return f"{source.choice(['192.168', '10.12', '172.16', '58.247'])}.{source.randrange(256)}.{source.randrange(100, 256)}"


KINDS: dict[str, Callable[[random.Random], str]] = {
    "pii.resident_id": resident_id,
    "pii.mobile": mobile,
    "pii.landline": landline,
    "pii.bank_card": bank_card,
    "pii.uscc": uscc,
    "pii.passport": passport,
    "pii.travel_permit": travel_permit,
    "pii.vehicle_plate": vehicle_plate,
    "pii.email": email,
    "pii.ip": ip,
}


def writings(rule: str, value: str, source: random.Random) -> Iterator[tuple[str, str]]:
    """The same value as people and page layouts write it, each with the name of the way."""
    middle = source.randrange(2, len(value) - 1) if rule != "pii.email" else value.index("@") + 2
    yield "plain", value
    yield "full width", value.translate(WIDE)
    yield "zero width", "\u200b".join(value)
    yield "zero width once", f"{value[:middle]}\u2060{value[middle:]}"
    if rule in GROUPS:
        for name, separator in (("spaced", " "), ("hyphenated", "-"), ("dashes", "–"), ("no-break spaces", "\u00a0")):
            yield name, grouped(value, GROUPS[rule], separator)
    if rule in {*GROUPS, "pii.email"}:
        yield "broken line", f"{value[:middle]}\n{value[middle:]}"
        yield "broken line, indented", f"{value[:middle]}\n  {value[middle:]}"
    if rule in SPEAKABLE:
        yield "numerals", value.translate(CHINESE)
        yield "yao", value.translate(YAO)
    if rule == "pii.mobile":
        yield "one by one", " ".join(value)
        yield "country", f"+86 {value}"
        yield "country, grouped", f"+86-{grouped(value, GROUPS[rule], '-')}"


def grouped(value: str, lengths: tuple[int, ...], separator: str) -> str:
    parts: list[str] = []
    for length in lengths:
        parts.append(value[:length])
        value = value[length:]
    return separator.join([part for part in [*parts, value] if part])


def samples(seed: int) -> Iterator[Sample]:
    """Every kind in every carrier in every writing."""
    source = random.Random(seed)
    for rule, make in KINDS.items():
        for carrier in CARRIERS:
            for _, written in writings(rule, make(source), source):
                before, after = carrier.split("{}")
                label = LABELS[rule] if rule in NEEDS_LABEL else ""
                start = len(before) + len(label)
                yield Sample(before + label + written + after, rule, start, start + len(written))


def near_misses(seed: int) -> Iterator[str]:
    """Texts with numbers that are nobody's: wrong check digits, orders, amounts, clauses, versions, longer runs."""
    source = random.Random(seed)
    for _ in range(30):
        card, person, firm = bank_card(source), resident_id(source), uscc(source)
        phone = mobile(source)
        day = f"2025{source.randrange(1, 13):02}{source.randrange(1, 29):02}"
        yield f"批次{wrong(person, '0123456789')}已入库"
        yield f"编号为{wrong(card, '0123456789')}的托盘"
        yield f"代码{wrong(firm, '0123456789')}无效"
        yield f"订单号{phone}已发货"
        yield f"流水号：{day}{digits(source, 12)}，请核对"
        yield f"设备序列号SN{phone}X在三号线"
        yield f"传感器读数{phone}{digits(source, 4)}超限"
        yield f"累计产值{phone}元，同比增长"
        yield f"按GB/T {source.randrange(1000, 60000)}-{source.randrange(1990, 2026)}和T/GXDSL {digits(source, 3)}-2025执行"
        version = f"{source.randrange(1, 9)}.{source.randrange(20)}.{source.randrange(100)}.{source.randrange(100, 200)}"
        yield f"固件版本V{version}升级完成"
        yield f"见附录A.{source.randrange(1, 9)}和{source.randrange(5, 9)}.{source.randrange(1, 9)}.{source.randrange(1, 9)}"
        yield f"见条款{source.randrange(5, 9)}.{source.randrange(1, 9)}.{source.randrange(1, 9)}.{source.randrange(1, 9)}"
        yield f"{day[:4]}年{source.randrange(1, 13)}月产量{source.randrange(10_000, 999_999)}件，合格率{source.randrange(90, 99)}.4%"
        yield f"物料号{source.choice('ABEG')}{digits(source, 8)}缺货"
        yield f"坐标{source.randrange(100, 130)}.{digits(source, 11)}，{source.randrange(20, 50)}.{digits(source, 11)}"
        yield f"时间{source.randrange(10, 24)}:{source.randrange(10, 60)}:{source.randrange(10, 60)}，节拍{source.randrange(10, 99)}秒"
        yield f"合同编号HT-{day}-{digits(source, 4)}"


def wrong(value: str, alphabet: str) -> str:
    """The value with another check character."""
    others = [char for char in alphabet if char != value[-1]]
    return value[:-1] + others[int(value[-2]) % len(others) if value[-2].isdecimal() else 0]
