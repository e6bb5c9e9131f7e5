"""How much a tool may be used: size and depth of arguments, calls per run, minute and day, repetition, size of the result.

Limits are data (`data/tools.yaml`), counting is in this process's memory: it begins anew with the process, and processes of a
cluster count apart. What is counted is bounded; when there is too much of it, the longest untouched is forgotten.
"""

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from domain.errors import ConfigurationError, ProblemDetail, TooLarge, TooMany
from domain.principal import Principal
from domain.yaml_data import parse_yaml

TOOLS = Path(__file__).parent / "data" / "tools.yaml"
REMEMBERED = 10_000
"""Runs, buckets and days that are kept, each."""
DAY_S, BEIJING_S = 86_400, 8 * 3_600

ValueT = TypeVar("ValueT")


class ToolLimits(BaseModel):
    """One tool's limits; None is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls_per_run: int | None = Field(default=20, ge=1)
    same_call_per_run: int | None = Field(default=1, ge=1)
    calls_per_minute: int | None = Field(default=6000, ge=1)
    cost: int = Field(default=1, ge=0)
    units_per_day: int | None = Field(default=1_000_000, ge=1)
    largest_arguments: int | None = Field(default=16_777_216, ge=2)
    deepest_arguments: int = Field(default=32, ge=1, le=200)
    largest_result: int | None = Field(default=16_777_216, ge=2)
    seconds: float | None = Field(default=600, gt=0)


class ToolPolicy(BaseModel):
    """Every tool's limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: ToolLimits = ToolLimits()
    tools: dict[str, ToolLimits] = Field(default_factory=dict[str, ToolLimits])

    def limits(self, tool: str) -> ToolLimits:
        """The tool's own, else those of the longest beginning that is listed, else the default."""
        if tool in self.tools:
            return self.tools[tool]
        begins = [name for name in self.tools if name.endswith("*") and tool.startswith(name[:-1])]
        return self.tools[max(begins, key=len)] if begins else self.default


def load_tool_policy(path: Path = TOOLS) -> ToolPolicy:
    """The limits in a file.

    Raises:
        ConfigurationError: naming each wrong line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw: Any = parse_yaml(text) or {}
        tree: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"读不了工具限额：{error}", where=path.name, cure="修正后重试") from error
    try:
        return ToolPolicy.model_validate(_with_defaults(raw))
    except ValidationError as error:
        details = [
            ProblemDetail(where=f"{path.name} 第 {_line(tree, e['loc'])} 行", what=_said(e), cure="修正或删除") for e in error.errors()
        ]
        raise ConfigurationError("工具限额的写法不对", detail=details) from error


def _said(error: ErrorDetails) -> str:
    return f"{'.'.join(map(str, error['loc']))}：{error['msg']}"


def _with_defaults(raw: Any) -> Any:
    """Each tool's limits over the file's own default; shapes that are wrong are left for validation to name."""
    if not isinstance(raw, dict) or not isinstance(raw.get("tools"), dict) or not isinstance(raw.get("default", {}), dict):  # pyright: ignore[reportUnknownMemberType]
        return raw  # pyright: ignore[reportUnknownVariableType]
    shared: dict[str, Any] = raw.get("default", {})  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    given: dict[Any, Any] = raw["tools"]  # pyright: ignore[reportUnknownVariableType]
    known = {name: value for name, value in shared.items() if name in ToolLimits.model_fields}
    tools = {name: known | limits if isinstance(limits, dict) else limits for name, limits in given.items()}
    return {**raw, "tools": tools}


def _line(node: Any, path: tuple[int | str, ...]) -> int:
    """The line of the nearest thing that the file has on the way to `path`."""
    line = node.start_mark.line + 1 if node is not None else 1
    for step in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((key, value) for key, value in pairs if key.value == str(step)), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


class _Recent(OrderedDict[tuple[str, ...], ValueT]):
    """The most recently touched entries, `REMEMBERED` of them."""

    def touch(self, key: tuple[str, ...], make: Callable[[], ValueT]) -> ValueT:
        value = self.get(key)
        if value is None:
            value = self[key] = make()
            if len(self) > REMEMBERED:
                self.popitem(last=False)
        else:
            self.move_to_end(key)
        return value


@dataclass
class _Run:
    """What one run has called."""

    calls: dict[str, int] = field(default_factory=dict[str, int])
    same: dict[bytes, int] = field(default_factory=dict[bytes, int])


@dataclass
class _Bucket:
    """Calls that are left, refilled by time."""

    left: float
    at: float


@dataclass
class _Day:
    """Units spent on a day."""

    day: int = -1
    spent: int = 0


class Budgets:
    """Decides about calls, one lock for all threads. A call that is refused costs nothing."""

    def __init__(self, policy: ToolPolicy | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._policy = policy or load_tool_policy()
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, ToolLimits] = {}
        self._runs: _Recent[_Run] = _Recent()
        self._buckets: _Recent[_Bucket] = _Recent()
        self._days: _Recent[_Day] = _Recent()

    def limits(self, tool: str) -> ToolLimits:
        found = self._known.get(tool)
        if found is None:
            if len(self._known) > REMEMBERED:
                self._known.clear()
            found = self._known[tool] = self._policy.limits(tool)
        return found

    def seconds(self, tool: str) -> float | None:
        return self.limits(tool).seconds

    def fits(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """Raises TooLarge for arguments that are too long or too deep; counts nothing."""
        self._measured(tool, arguments, self.limits(tool))

    def check(self, tool: str, principal: Principal, run_id: str, arguments: Mapping[str, Any]) -> None:
        """Count a call that is about to begin. Outside a run (`run_id` "") there is nothing to repeat.

        Raises:
            TooLarge: as `fits`.
            TooMany: for this run, this minute or this day; or the run repeats itself.
        """
        limits = self.limits(tool)
        written = self._measured(tool, arguments, limits)
        mark = hashlib.blake2b(written, digest_size=16, key=tool.encode()[:64]).digest() if run_id else b""
        with self._lock:
            now = self._clock()
            run = self._runs.touch((principal.tenant, principal.id, run_id), _Run) if run_id else None
            if run is not None:
                _check_run(run, tool, mark, limits)
            bucket = self._filled(tool, principal, limits, now)
            day = self._today(tool, principal, limits, now)
            if run is not None:
                if len(run.same) >= REMEMBERED:
                    run.same.clear()
                run.calls[tool] = run.calls.get(tool, 0) + 1
                run.same[mark] = run.same.get(mark, 0) + 1
            if bucket is not None:
                bucket.left -= 1
            if day is not None:
                day.spent += limits.cost

    def result_fits(self, tool: str, data: BaseModel) -> None:
        """Raises TooLarge for a result that is too long."""
        largest = self.limits(tool).largest_result
        if largest is None:
            return
        size = len(data.__pydantic_serializer__.to_json(data))
        if size > largest:
            cure = "缩小范围后再试，或请管理员放宽限额"
            raise TooLarge(f"工具 {tool} 的结果有 {size} 字节，超过 {largest} 字节的上限", where="largest_result", cure=cure)

    def _measured(self, tool: str, arguments: Mapping[str, Any], limits: ToolLimits) -> bytes:
        """The arguments as JSON with sorted keys, once they are small enough."""
        if _deeper(arguments, limits.deepest_arguments):
            what = f"工具 {tool} 的参数嵌套超过 {limits.deepest_arguments} 层"
            raise TooLarge(what, where="arguments", cure="减少列表和对象的嵌套")
        written = _written(arguments)
        if limits.largest_arguments is not None and len(written) > limits.largest_arguments:
            what = f"工具 {tool} 的参数有 {len(written)} 字节，超过 {limits.largest_arguments} 字节的上限"
            raise TooLarge(what, where="arguments", cure="分几次提交，或把材料作为文件上传")
        return written

    def _filled(self, tool: str, principal: Principal, limits: ToolLimits, now: float) -> _Bucket | None:
        rate = limits.calls_per_minute
        if rate is None:
            return None
        bucket = self._buckets.touch((principal.tenant, principal.id, tool), lambda: _Bucket(rate, now))
        bucket.left = min(float(rate), bucket.left + max(0.0, now - bucket.at) * rate / 60)
        bucket.at = now
        if bucket.left < 1:
            wait = (1 - bucket.left) * 60 / rate
            raise TooMany(f"工具 {tool} 每分钟最多调用 {rate} 次", where="calls_per_minute", cure=f"{wait:.0f} 秒后再试")
        return bucket

    def _today(self, tool: str, principal: Principal, limits: ToolLimits, now: float) -> _Day | None:
        if limits.units_per_day is None or not limits.cost:
            return None
        day = self._days.touch((principal.tenant, tool), _Day)
        today = int((now + BEIJING_S) // DAY_S)
        if day.day != today:
            day.day, day.spent = today, 0
        if day.spent + limits.cost > limits.units_per_day:
            what = f"本单位今天使用工具 {tool} 的额度（{limits.units_per_day} 点）已用完"
            raise TooMany(what, where="units_per_day", cure="明天再试，或请管理员提高额度")
        return day


def _check_run(run: _Run, tool: str, mark: bytes, limits: ToolLimits) -> None:
    if limits.same_call_per_run is not None and run.same.get(mark, 0) >= limits.same_call_per_run:
        raise TooMany(f"本次运行已用同样的参数调用过工具 {tool}，不再重复", where="same_call_per_run", cure="使用已有的结果，或换一组参数")
    if limits.calls_per_run is not None and run.calls.get(tool, 0) >= limits.calls_per_run:
        raise TooMany(f"本次运行调用工具 {tool} 已达 {limits.calls_per_run} 次", where="calls_per_run", cure="把任务拆成几个问题分别提问")


def _deeper(value: Any, left: int) -> bool:
    """Whether lists and objects stand more than `left` deep inside each other."""
    if isinstance(value, Mapping):
        return left == 0 or any(_deeper(each, left - 1) for each in value.values() if isinstance(each, Mapping | list | tuple))  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return left == 0 or any(_deeper(each, left - 1) for each in value if isinstance(each, Mapping | list | tuple))  # pyright: ignore[reportUnknownVariableType]
    return False


def _written(arguments: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # lone surrogates and integers above 64 bits
        return json.dumps(arguments, sort_keys=True, default=str).encode()
