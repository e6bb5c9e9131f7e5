"""The page's folder: nothing from other hosts, our language, tight limits; and no cost for who does not open it."""

import json
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic import SecretStr

from domain.errors import StorageError
from serving.settings import Settings
from ui.page_home import PUBLIC, chainlit_folder, local_page, prepare
from ui.page_home import _secret as secret

ADDRESS = re.compile(r"(?:https?:)?//[\w-]+\.[\w.-]+")
NAMESPACE = "//www.w3.org"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `prepare` sets is put back."""
    for name in ("CHAINLIT_APP_ROOT", "CHAINLIT_AUTH_SECRET", "CHAINLIT_AUTH_COOKIE_NAME", "CHAINLIT_ENV_FILE"):
        monkeypatch.setenv(name, "")


def test_folder_is_complete_and_written_anew(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, largest_upload=7 * 1024 * 1024)
    root = tmp_path / "ui"
    (root / ".files" / "session").mkdir(parents=True)
    (root / ".files" / "session" / "someones.docx").write_text("x")
    for _ in range(2):
        prepare(settings, "/chat")
    assert not [left for left in (root / ".files").rglob("*") if left.is_file()]
    config = tomllib.loads((root / ".chainlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["UI"]["language"] == "zh-CN"
    assert config["UI"]["name"] == "ShuZhi 数智助手"
    assert config["project"]["allow_origins"] == []
    features = config["features"]
    assert features["spontaneous_file_upload"]["max_size_mb"] == 7
    kinds = features["spontaneous_file_upload"]["accept"]
    assert {ending for endings in kinds.values() for ending in endings} == {".txt", ".md", ".html", ".htm", ".docx", ".pdf"}
    assert (features["mcp"]["enabled"], features["mcp"]["user_servers"]["enabled"]) == (False, False)
    assert (features["unsafe_allow_html"], features["edit_message"]) == (False, False)
    translation = json.loads((root / ".chainlit" / "translations" / "zh-CN.json").read_text(encoding="utf-8"))
    assert translation["chat"]["input"]["placeholder"].startswith("问标准")
    assert (root / "build" / "assets").is_dir()
    assert "每一句都有出处" in (root / "public" / "logo_light.svg").read_text(encoding="utf-8")


def test_language_setting_wins(tmp_path: Path) -> None:
    prepare(Settings(home=tmp_path, language="en"), "/chat")
    config = tomllib.loads((tmp_path / "ui" / ".chainlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["UI"]["language"] == "en-US"
    assert '<html lang="en">' in (tmp_path / "ui" / "build" / "index.html").read_text(encoding="utf-8")


def test_page_loads_nothing_from_elsewhere() -> None:
    shipped = (chainlit_folder() / "frontend" / "dist" / "index.html").read_text(encoding="utf-8")
    assert ADDRESS.search(shipped), "Chainlit's page has changed: is the filter still needed?"
    page = local_page(shipped, "zh-CN")
    assert not ADDRESS.search(page)
    assert "/assets/index-" in page
    assert '<html lang="zh-CN">' in page


def test_our_public_files_name_no_other_host() -> None:
    for file in PUBLIC.rglob("*"):
        if file.is_file():
            found = [address for address in ADDRESS.findall(file.read_text(encoding="utf-8")) if NAMESPACE not in address]
            assert not found, file
    theme = json.loads((PUBLIC / "theme.json").read_text(encoding="utf-8"))
    assert theme["custom_fonts"] == []
    assert theme["variables"]["light"].keys() == theme["variables"]["dark"].keys()


def test_secret_outlives_a_restart_and_changes_with_the_key(tmp_path: Path) -> None:
    first, keyed = Settings(home=tmp_path), Settings(home=tmp_path, api_key=SecretStr("k"))
    assert secret(tmp_path, first) == secret(tmp_path, first)
    assert secret(tmp_path, first) != secret(tmp_path, keyed)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_unwritable_home_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "ui").write_text("a file in the way")
    with pytest.raises(StorageError) as caught:
        prepare(Settings(home=tmp_path), "/chat")
    assert caught.value.detail[0].cure


def test_chainlit_is_not_imported_before_the_page_is_mounted(tmp_path: Path) -> None:
    script = "import sys; from ui.mounted import mount_for; from serving.settings import Settings; "
    script += f"mount_for(Settings(home={str(tmp_path)!r})); assert 'chainlit' not in sys.modules"
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", script], cwd=root, check=True, timeout=120)


def test_no_module_here_hides_another() -> None:
    """Chainlit puts this folder first on the path while it loads its file."""
    here = {file.stem for file in PUBLIC.parent.glob("*.py")} - {"__init__"}
    assert not here & set(sys.stdlib_module_names)
    tops = {"domain", "knowledge", "tools", "records", "guardrails", "agents", "serving", "evals", "tests", "chainlit"}
    assert not here & tops
