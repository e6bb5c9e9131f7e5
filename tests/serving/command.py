"""The `shuzhi` command, called in this process as a shell would call it."""

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import structlog

from serving.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a shell sees of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def shuzhi(*arguments: str, stdin: str = "") -> Outcome:
    """Run the command to its exit code."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["shuzhi", *arguments])
        patch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        finally:
            structlog.reset_defaults()
    return Outcome(code, out.getvalue(), err.getvalue())


@contextmanager
def at_home(home: object) -> Iterator[None]:
    """Commands use this home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHUZHI_HOME", str(home))
        yield
