"""What is done about what is found (安全策略): data, checked when it is loaded; a mistake in it refuses to start and names the line."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from domain.errors import ConfigurationError, ProblemDetail
from domain.principal import Role
from domain.yaml_data import parse_yaml

POLICY = Path(__file__).parent / "data" / "policy.yaml"
Action = Literal["allow", "redact", "block", "review"]
Direction = Literal["input", "output", "tool"]
SEVERITY: tuple[Action, ...] = ("allow", "review", "redact", "block")
"""From mild to strict: of several findings in one text the strictest decides."""


class Rule(BaseModel):
    """What one rule, and every rule whose name begins with it, leads to in each direction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Action
    tool: Action
    output: Action
    line: str = ""
    """Chinese: what the person is told when it blocks; the detector's reason where there is none."""
    audience: frozenset[Role] = frozenset()
    """Roles for which a redaction is left undone."""

    def action(self, direction: Direction) -> Action:
        actions: dict[Direction, Action] = {"input": self.input, "tool": self.tool, "output": self.output}
        return actions[direction]


UNKNOWN = Rule(input="block", tool="block", output="block", line="安全策略没有规定如何处理这类内容，已拦截。")


class Policy(BaseModel):
    """Rules by dotted name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: dict[str, Rule]

    def rule(self, name: str) -> Rule:
        """The rule with the longest dotted prefix of `name`; one that is nowhere blocks."""
        while name:
            if name in self.rules:
                return self.rules[name]
            name = name.rpartition(".")[0]
        return UNKNOWN


def load_policy(path: Path = POLICY) -> Policy:
    """Read and check a policy.

    Raises:
        ConfigurationError: naming every wrong line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"读不了安全策略：{error}", where=str(path), cure="恢复该文件，或去掉指向它的设置") from error
    try:
        return Policy.model_validate(parse_yaml(text))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"安全策略的 YAML 写错了：{error}", where=str(path), cure="按报出的行列修正") from error
    except ValidationError as error:
        lines = key_lines(text)
        details = [
            ProblemDetail(
                where=f"{path.name} 第 {_line(lines, e['loc'])} 行：{'.'.join(map(str, e['loc']))}", what=e["msg"], cure="修正该字段"
            )
            for e in error.errors()
        ]
        raise ConfigurationError("安全策略有错，未启动", detail=details) from error


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line (from 1) of every key in a YAML text, by its path."""
    found: dict[tuple[str, ...], int] = {}

    def walk(node: Any, path: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                place = (*path, str(key.value))
                found[place] = key.start_mark.line + 1
                walk(value, place)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                found[(*path, str(number))] = value.start_mark.line + 1
                walk(value, (*path, str(number)))

    walk(yaml.compose(text, Loader=yaml.SafeLoader), ())
    return found


def _line(lines: dict[tuple[str, ...], int], place: tuple[int | str, ...]) -> int:
    """The line of the deepest key that is there: a missing one is missing in its parent."""
    path = tuple(map(str, place))
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)
