"""The load generator counts whole answers only."""

import pytest

from benchmarks.load import BadAnswer, press
from serving.fake_endpoint import FakeEndpoint


def port_of(endpoint: FakeEndpoint) -> int:
    return int(endpoint.base_url.rsplit(":", 1)[1].split("/")[0])


async def test_it_asks_as_often_as_told() -> None:
    async with FakeEndpoint() as endpoint:
        load = await press(port_of(endpoint), ["问一", "问二"], 3, count=20)
        assert endpoint.served == 20
    assert len(load.first) == len(load.whole) == 20
    assert load.rate > 0
    assert all(first <= whole for first, whole in zip(load.first, load.whole, strict=True))


@pytest.mark.parametrize("behaviour", ["unavailable", "empty", "truncated"])
async def test_an_answer_that_is_not_whole_ends_the_measurement(behaviour: str) -> None:
    async with FakeEndpoint(behaviour=behaviour, failures=100) as endpoint:  # pyright: ignore[reportArgumentType]
        with pytest.raises((BadAnswer, EOFError)):
            await press(port_of(endpoint), ["问"], 1, count=1)
