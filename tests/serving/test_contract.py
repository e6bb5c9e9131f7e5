"""The whole HTTP interface, as its own description says it can be called, by three people: no failure of ours, and nobody else's secret."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .homes import copy_home
from .listening import served_by
from .town import CANARY, GOOD, HERE, Town, open_town, settle

schemathesis: Any = pytest.importorskip("schemathesis", reason="schemathesis is not installed (uv pip install schemathesis)")

EXAMPLES = 12
"""Calls a route and a person. Each is a real request."""
PEOPLE = ("anna", "oskar", "guard")
"""A staff member, an operator and a security administrator."""
PHASES = (Phase.explicit, Phase.generate)
SHAPE = {"type", "message", "detail", "run_id"}


class Street:
    """A running server, and how three people call it."""

    def __init__(self, address: str, town: Town) -> None:
        self.address = address
        self.schema: Any = schemathesis.openapi.from_dict(town.app.openapi())
        tokens = {name: town.access.login.log_in(HERE, name, GOOD).token for name in PEOPLE}
        self.headers = {name: {"authorization": f"Bearer {token}"} for name, token in tokens.items()}

    def operations(self) -> list[Any]:
        return [found.ok() for found in self.schema.get_all_operations()]


@pytest.fixture(scope="module")
def street(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    own = copy_home(home, tmp_path_factory.mktemp("contract") / "home")
    with served_by(lambda: open_town(own, largest_upload=20_000, heartbeat_s=0.2), settle) as (address, town):
        yield Street(address, town)


# the server in the other thread draws random numbers while a case is being made
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
def test_no_route_fails_and_none_shows_what_another_enterprise_keeps(street: Street) -> None:
    operations, calls = street.operations(), 0
    assert len(operations) > 50
    for operation in operations:
        # leaving would make everything after it a matter of strangers
        if operation.path in ("/v1/auth/logout", "/v1/auth/sessions", "/v1/accounts/{account_id}/credentials"):
            continue
        strategy: Any = operation.as_strategy()
        quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

        @settings(
            max_examples=EXAMPLES, deadline=None, suppress_health_check=quiet, phases=[Phase.explicit, Phase.generate], derandomize=True
        )
        @given(case=strategy, name=st.sampled_from(PEOPLE))
        def call(case: Any, name: str) -> None:
            nonlocal calls
            calls += 1
            try:
                answer = case.call(base_url=street.address, headers=street.headers[name], timeout=20)
            except (UnicodeEncodeError, ValueError):
                return  # what no client can send
            text = answer.content.decode("utf-8", "replace")  # a table is no text
            shown = (case.method, case.formatted_path, name, answer.status_code, text[:300])
            assert answer.status_code < 500, shown
            assert CANARY not in text, shown
            if answer.status_code >= 400 and answer.headers.get("content-type") == ["application/json"]:
                body = json.loads(text)
                assert set(body["error"]) == SHAPE or "document" in body, shown

        call()
    assert calls > 300
    with httpx.Client(base_url=street.address, headers=street.headers["anna"], trust_env=False) as anna:
        assert anna.get("/v1/threads").status_code == 200
    assert threading.active_count() < 200
