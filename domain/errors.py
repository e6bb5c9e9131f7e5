"""One exception hierarchy; classes are named by who must act, and every error carries its cure.

The same error has the same shape on every door: `Problem` is what the CLI prints with `--json`, what HTTP returns under
`error`, what the chat shows and what a tool returns.
"""

from difflib import get_close_matches

from pydantic import BaseModel, ConfigDict, Field


class ProblemDetail(BaseModel):
    """One spot that is wrong: where it is, what is wrong with it, what to do."""

    model_config = ConfigDict(frozen=True)

    where: str
    """File, row, field, or argument."""
    what: str
    cure: str = ""


class Problem(BaseModel):
    """The wire shape of every error (DESIGN §4.5)."""

    model_config = ConfigDict(frozen=True)

    type: str
    message: str
    detail: list[ProblemDetail] = Field(default_factory=list[ProblemDetail])
    run_id: str | None = None


class PlatformError(Exception):
    """Root of all our errors. `message` is Chinese and shown to users as it is."""

    status_code = 500
    exit_code = 1

    def __init__(self, message: str, *, where: str = "", cure: str = "", detail: list[ProblemDetail] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = list(detail or [])
        if where or cure:
            self.detail.insert(0, ProblemDetail(where=where or "-", what=message, cure=cure))

    def problem(self, run_id: str | None = None) -> Problem:
        return Problem(type=type(self).__name__, message=self.message, detail=self.detail, run_id=run_id)


class UserInputError(PlatformError):
    """The user can fix it: a question, an argument, a file."""

    status_code = 422
    exit_code = 2


class DocumentError(UserInputError):
    """A document cannot be read as it is; nothing of it was stored."""


class TooLarge(UserInputError):
    """The input is beyond a stated limit."""

    status_code = 413


class NotFound(UserInputError):
    """The thing asked for does not exist, or the principal may not know that it does."""

    status_code = 404


class NotAuthenticated(PlatformError):
    """Nobody we know is speaking."""

    status_code = 401
    exit_code = 2


class NotAllowed(PlatformError):
    """The principal is known and may not do this."""

    status_code = 403
    exit_code = 2


class TooMany(PlatformError):
    """The principal has used up what it may do for now; the same request is right later, or in another run."""

    status_code = 429
    exit_code = 2


class Conflict(UserInputError):
    """The state has moved on: a decided approval, a duplicate id, a store that another process owns."""

    status_code = 409


class ConfigurationError(PlatformError):
    """The operator must act: settings, a catalogue file, a database version. Printed without a traceback."""

    exit_code = 2


class StorageError(PlatformError):
    """The disk or the database refused; what was accepted before is intact."""

    status_code = 507


class UpstreamUnavailable(PlatformError):
    """A model endpoint, vector store or database is not reachable or answers nonsense."""

    status_code = 503


class ToolFailed(PlatformError):
    """A tool could not do its work on valid input; the model sees the message and may go on without it."""

    status_code = 500


class Cancelled(PlatformError):
    """The user stopped the run."""

    status_code = 499


def known_names(given: str, known: list[str]) -> str:
    """Tail of an unknown-name message: what exists, nearest first."""
    near = get_close_matches(given, known, n=3, cutoff=0.5)
    return f"相近的有：{'、'.join(near)}" if near else f"可用的有：{'、'.join(sorted(known)[:20])}"


def install_cure(extra: str) -> str:
    """How to install an optional part of this project."""
    return f"在项目目录运行 .venv/bin/uv pip install --python .venv/bin/python -e '.[{extra}]'"
