"""YAML with the place of every value: numbers are exact decimals, words stay words, and a fault can be named by line."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import cast

import yaml

from domain.errors import ProblemDetail, UserInputError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NUMBER = re.compile(r"[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\Z")
_BOUND = r">=?\s*-?\d+(?:\.\d+)?%?(?:\s*(?:且|and|,)\s*<=?\s*-?\d+(?:\.\d+)?%?)?"
_HALF_OPEN = r"(?:\[|\()\s*-?\d+(?:\.\d+)?\s*,\s*-?\d+(?:\.\d+)?\s*(?:\]|\))"
UNQUOTED_KEY = re.compile(rf"(?m)^(\s*(?:- )?)({_BOUND}|{_HALF_OPEN})(\s*:(?:\s|$))")
UNQUOTED_VALUE = re.compile(
    rf"(?m)(?<=[:\-,\[{{] )({_BOUND}|\(\s*-?\d[^,\n]*,[^,\n\])]*[\])]|\[\s*-?\d[^,\n]*,[^,\n\])]*\))(?=\s*(?:$|[,}}\]#]))"
)
EMPTY = {"", "~", "null", "Null", "NULL"}
TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
LONGEST = 2_000_000
MOST_VALUES = 200_000
DEEPEST = 60

Plain = Decimal | bool | str | None


class Lined(dict[str, object]):
    """A mapping that knows its line and those of its keys."""

    line: int = 0
    lines: dict[str, int]


class LinedList(list[object]):
    """A list that knows its line and those of its entries."""

    line: int = 0
    lines: list[int]


class _Builder:
    """Plain values from YAML nodes; aliases are unfolded, within a budget."""

    def __init__(self) -> None:
        self._left = MOST_VALUES
        self.faults: list[ProblemDetail] = []

    def build(self, node: yaml.Node, depth: int = 0) -> object:
        self._left -= 1
        if depth > DEEPEST or self._left < 0:
            what = "嵌套过深或引用自身" if depth > DEEPEST else "展开后的内容过多"
            raise UserInputError(f"评估定义{what}", where=f"第 {line_of(node)} 行", cure="去掉多余的锚点引用")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            entries = cast("list[yaml.Node]", node.value)
            made = LinedList(self.build(entry, depth + 1) for entry in entries)
            made.line, made.lines = line_of(node), [line_of(entry) for entry in entries]
            return made
        return scalar(cast("yaml.ScalarNode", node))

    def _mapping(self, node: yaml.MappingNode, depth: int) -> Lined:
        made = Lined()
        made.line, made.lines = line_of(node), {}
        merged: list[Lined] = []
        for key_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if not isinstance(key_node, yaml.ScalarNode):
                raise UserInputError("键应为文字", where=f"第 {line_of(key_node)} 行", cure="键写成一个词或一个数")
            key = str(key_node.value).strip()
            value = self.build(value_node, depth + 1)
            if key == "<<" and isinstance(value, Lined):
                merged.append(value)
                continue
            if key in made:
                self.faults.append(ProblemDetail(where=f"第 {line_of(key_node)} 行：{key}", what=f"键“{key}”重复", cure="删去其中一个"))
            made[key] = value
            made.lines[key] = line_of(key_node)
        for other in merged:
            for key, value in other.items():
                if key not in made:
                    made[key], made.lines[key] = value, other.lines[key]
        return made


def line_of(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1 if node.start_mark else 0


def scalar(node: yaml.ScalarNode) -> Plain:
    """Numbers as written, true and false as such; 是, no, off, dates and everything else are words."""
    text = str(node.value)
    if node.style in ("'", '"'):
        return text
    if text in EMPTY:
        return None
    if text in TRUTH:
        return TRUTH[text]
    return Decimal(text.replace("_", "")) if NUMBER.match(text) else text


def quoted_bounds(text: str) -> str:
    """Bounds that a person forgot to quote (at: >= 60, [60, 90): 6) as the words they mean; YAML itself has other uses for > and [."""
    text = UNQUOTED_KEY.sub(r'\1"\2"\3', text)
    return UNQUOTED_VALUE.sub(r'"\1"', text)


def read_yaml(text: str) -> Lined:
    """The mapping in a YAML text.

    Raises:
        UserInputError: with the line and the column or key of every fault.
    """
    if len(text) > LONGEST:
        raise UserInputError("评估定义过长", where="definition", cure=f"不超过 {LONGEST} 个字符")
    try:
        node = yaml.compose(quoted_bounds(text), Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"第 {mark.line + 1} 行第 {mark.column + 1} 列" if mark else "definition"
        cure = "检查缩进、冒号后的空格和引号；以 > [ { % 等符号开头的内容要加引号"
        raise UserInputError(f"YAML 语法错误：{error.problem or error.context}", where=where, cure=cure) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise UserInputError("YAML 无法读取", where="definition", cure="检查是否有特殊字符或过深的嵌套") from error
    builder = _Builder()
    made = builder.build(node) if node is not None else None
    if not isinstance(made, Lined):
        raise UserInputError("评估定义应为“键: 值”的形式", where="第 1 行", cure="以 title: 名称 开头，参见 docs/assessments.md")
    if builder.faults:
        raise UserInputError("评估定义里有重复的键", detail=builder.faults)
    return made


def place(data: object, loc: Sequence[int | str]) -> tuple[int, str]:
    """The line and the key of a spot in what was read; the deepest that has one."""
    line, key = getattr(data, "line", 0), ""
    for step in loc:
        if isinstance(data, Lined) and str(step) in data:
            line, key, data = data.lines.get(str(step), data.line), str(step), data[str(step)]
        elif isinstance(data, LinedList) and isinstance(step, int) and step < len(data):
            line, data = data.lines[step] if step < len(data.lines) else line, data[step]
        elif isinstance(step, str) and isinstance(data, Lined):
            key = step
            break
    return line, key
