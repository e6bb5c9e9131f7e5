"""Where keys come from: a file, a value, or a key management service through a command that prints them."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from domain.errors import ConfigurationError, UpstreamUnavailable

from .keys import LARGEST_TEXT, Keys, key_text, keys_from_file, parse_keys

WHERE = "密钥命令"


def configured_keys(name: str, *, file: Path | None = None, text: str = "", command: Sequence[str] = ()) -> Keys | None:
    """Keys from the one source that is set; None when none is. `name`: of the settings, for messages.

    Raises ConfigurationError when several are set, and what the source raises.
    """
    given = [what for what, is_set in (("文件", file is not None), ("值", bool(text.strip())), ("命令", bool(command))) if is_set]
    if len(given) > 1:
        raise ConfigurationError(f"密钥的来源设置了 {len(given)} 个（{'、'.join(given)}）", where=name, cure="只留一个")
    if file is not None:
        return keys_from_file(file)
    if command:
        return keys_from_command(command)
    return parse_keys(text, name) if given else None


def keys_from_command(argv: Sequence[str], *, timeout_s: float = 10.0) -> Keys:
    """Keys that a command prints in the form of `parse_keys`.

    It runs without a shell and without input; its standard error goes to ours. Raises ConfigurationError when it cannot be started or
    prints something else, UpstreamUnavailable when it fails or takes too long. What it printed is in no message.
    """
    if not argv:
        raise ConfigurationError("没有给出密钥命令", where=WHERE, cure='写成参数列表，例如 ["kms-get", "shuzhi"]')
    try:
        # a session of its own, so that whatever it starts can be ended with it
        process = subprocess.Popen(list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603 - the operator's own
    except (OSError, ValueError) as error:
        raise ConfigurationError("密钥命令启动不了", where=f"{WHERE} {argv[0]}", cure="检查命令的路径和执行权限") from error
    try:
        printed, code = _output(process, time.monotonic() + timeout_s)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdout:
            process.stdout.close()
        process.wait()
    if printed is None:
        raise UpstreamUnavailable(
            f"密钥命令 {timeout_s:g} 秒内没有结束", where=f"{WHERE} {argv[0]}", cure="检查密钥管理服务是否可用，单独运行这个命令试试"
        )
    if code:
        raise UpstreamUnavailable(f"密钥命令失败（退出码 {code}）", where=f"{WHERE} {argv[0]}", cure="单独运行这个命令，看它报什么错")
    if len(printed) > LARGEST_TEXT:
        raise ConfigurationError("密钥命令的输出太长，不像密钥", where=f"{WHERE} {argv[0]}", cure="让它只输出密钥")
    where = f"{WHERE} {argv[0]} 的输出"
    return parse_keys(key_text(printed, where), where)


def _output(process: "subprocess.Popen[bytes]", deadline: float) -> tuple[bytes | None, int]:
    """What it printed and its exit code; None when it was not done in time."""
    printed = b""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(printed) <= LARGEST_TEXT:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None, 0
            part = os.read(process.stdout.fileno(), 4096)
            if not part:
                break
            printed += part
    if len(printed) > LARGEST_TEXT:
        return printed, 0
    try:
        return printed, process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None, 0
