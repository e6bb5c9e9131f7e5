"""A third party's package, installed for real: its tool is behind every door (DESIGN §4.3)."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from domain.principal import LOCAL
from serving.assembly import open_platform
from tools.registry import ToolRegistry, installed_tools

from .command import at_home, shuzhi
from .conftest import client_of, started
from .homes import settings_of

SAMPLE = Path(__file__).parents[1] / "sample_plugin"
UV = Path(sys.executable).with_name("uv")
QUESTION = "念完这段话要多久：各位同事早上好，今天一号线检修。"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package was installed; uv builds it itself, without a network."""
    target = tmp_path_factory.mktemp("site")
    flags = ["--offline", "--no-deps", "--no-build-isolation", "--quiet", "--python", sys.executable, "--target", str(target)]
    subprocess.run([str(UV), "pip", "install", *flags, str(SAMPLE)], check=True, timeout=60)
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(site))
    invalidate_caches()
    yield
    sys.modules.pop("shuzhi_sample", None)


def test_without_the_package_there_is_no_such_tool() -> None:
    assert installed_tools() == []


@pytest.mark.usefixtures("installed")
def test_the_registry_finds_it() -> None:
    assert [tool.name for tool in ToolRegistry(installed_tools())] == ["reading_time"]


@pytest.mark.usefixtures("installed")
async def test_api_and_chat_have_it(own_home: Path) -> None:
    platform = await open_platform(settings_of(own_home))
    try:
        async with started(platform) as app, client_of(app) as client:
            listed = {tool["name"]: tool for tool in (await client.get("/v1/tools")).json()["tools"]}
            assert listed["reading_time"]["input"]["required"] == ["text"]
            result = (await client.post("/v1/tools/reading_time", json={"text": "早上好" * 80})).json()
            assert (result["values"], result["data"]["characters"]) == ([60.0], 240)
            body = {"messages": [{"role": "user", "content": QUESTION}]}
            streamed = (await client.post("/v1/chat/completions", json=body | {"stream": True})).text
        answer = await platform.runs.ask(LOCAL, QUESTION, door="cli")
        assert answer.text == "共 16 个字，念完约需 4 秒。"
        assert answer.values == [4.0]
        assert "16 个字" in streamed
    finally:
        await platform.close()


@pytest.mark.usefixtures("installed")
def test_the_command_line_has_it(own_home: Path) -> None:
    with at_home(own_home):
        assert "reading_time" in [tool["name"] for tool in shuzhi("tools", "list", "--json").json["tools"]]
        assert shuzhi("tools", "run", "reading_time", "--args", '{"text": "早上好"}', "--json").json["data"]["characters"] == 3
        assert shuzhi("tools", "run", "reading_time", "--args", '{"words": 1}', "--json").code == 2


def test_a_package_that_does_not_load_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[shuzhi.tools]\nbroken = no_such_module:tools\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigurationError, match="broken") as caught:
        installed_tools()
    assert caught.value.problem().detail[0].cure
