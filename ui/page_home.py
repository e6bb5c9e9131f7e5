"""The page's own folder, `$SHUZHI_HOME/ui`: Chainlit's configuration, translations and public files, written anew at each start.

Chainlit reads its folder from the environment when it is imported, so `prepare` comes first.
"""

import hashlib
import importlib.util
import json
import os
import re
import secrets
import shutil
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any

from domain.errors import ConfigurationError, StorageError
from serving.settings import Settings

from .wording import Wording, load_wording

PUBLIC = Path(__file__).parent / "public"
MEGABYTE = 1024 * 1024
COOKIE = "shuzhi_chat"
CHAINLIT_LANGUAGES = {"zh-CN": "zh-CN", "en": "en-US"}
ACCEPTED: dict[str, list[str]] = {
    "text/plain": [".txt", ".md"],
    "text/markdown": [".md"],
    "text/html": [".html", ".htm"],
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": [".docx"],
    "application/pdf": [".pdf"],
    "application/octet-stream": [".txt", ".md", ".html", ".htm", ".docx", ".pdf"],
}
"""What a file may be: by the type a browser gives it and by its name. Some browsers know no type for .md and .docx."""

REMOTE_LINK = re.compile(r"<link\b[^>]*https?://[^>]*>\s*", re.DOTALL)
SINGLE_USER_STYLE = "#user-nav-button { display: none; }\n"


def prepare(settings: Settings, path: str) -> None:
    """Write the folder and point Chainlit at it.

    Raises:
        StorageError: the folder cannot be written.
        ConfigurationError: Chainlit is not installed as expected.
    """
    root = (settings.home / "ui").absolute()
    words = load_wording(settings.language)
    try:
        _write(root, settings, words, path)
    except OSError as error:
        raise StorageError(f"写不了对话页面的目录：{error.strerror}", where=str(root), cure="检查磁盘空间与权限") from error
    os.environ["CHAINLIT_APP_ROOT"] = str(root)
    os.environ["CHAINLIT_AUTH_SECRET"] = _secret(root, settings)
    os.environ["CHAINLIT_AUTH_COOKIE_NAME"] = COOKIE
    if settings.accounts:
        os.environ["CHAINLIT_CUSTOM_AUTH"] = "yes"  # who is there is decided in front of it: ui/page_guard.py
    else:
        os.environ.pop("CHAINLIT_CUSTOM_AUTH", None)
    os.environ["CHAINLIT_ENV_FILE"] = os.devnull  # or it reads any .env in the working directory


def _write(root: Path, settings: Settings, words: Wording, path: str) -> None:
    package = chainlit_folder()
    for left in (root / ".files").rglob("*"):  # uploads of pages that are gone
        if left.is_file():
            left.unlink()
    translations = root / ".chainlit" / "translations"
    translations.mkdir(parents=True, exist_ok=True)
    (root / ".chainlit" / "config.toml").write_text(config_text(settings, words, path), encoding="utf-8")
    language = CHAINLIT_LANGUAGES[settings.language]
    (translations / f"{language}.json").write_text(translation_text(package, language, words), encoding="utf-8")
    (root / f"chainlit_{language}.md").write_text(words("readme"), encoding="utf-8")
    shutil.copytree(PUBLIC, root / "public", dirs_exist_ok=True)
    for template in (root / "public").glob("*.svg"):
        drawn = Template(template.read_text(encoding="utf-8"))
        template.write_text(drawn.safe_substitute(tagline=words("tagline")), encoding="utf-8")
    if not settings.accounts and not settings.api_key.get_secret_value():
        with (root / "public" / "style.css").open("a", encoding="utf-8") as style:
            style.write(SINGLE_USER_STYLE)
    build = root / "build"
    build.mkdir(exist_ok=True)
    shipped = package / "frontend" / "dist"
    page = local_page((shipped / "index.html").read_text(encoding="utf-8"), settings.language)
    (build / "index.html").write_text(page, encoding="utf-8")
    assets = build / "assets"
    if assets.is_symlink():
        assets.unlink()
    try:
        assets.symlink_to(shipped / "assets", target_is_directory=True)
    except OSError:  # a system without links, or a folder from when it was one
        shutil.copytree(shipped / "assets", assets, ignore=shutil.ignore_patterns("*.map"), dirs_exist_ok=True)


def chainlit_folder() -> Path:
    """Where the package lies, without importing it."""
    spec = importlib.util.find_spec("chainlit")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError("没有安装 chainlit", where="ui", cure="运行 pip install -r requirements.txt")
    return Path(spec.submodule_search_locations[0])


def local_page(page: str, language: str) -> str:
    """Chainlit's page without what it loads from other hosts (fonts, katex) and in the page's language."""
    return REMOTE_LINK.sub("", page).replace('<html lang="en">', f'<html lang="{language}">')


def config_text(settings: Settings, words: Wording, path: str) -> str:
    """Chainlit's settings as TOML; JSON strings, lists and inline tables of strings are TOML too."""

    def quoted(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    accept = "{ " + ", ".join(f"{quoted(kind)} = {quoted(names)}" for kind, names in ACCEPTED.items()) + " }"
    return f"""\
[project]
session_timeout = 3600
user_session_timeout = 1296000
allow_origins = []

[features]
unsafe_allow_html = false
latex = false
user_message_markdown = false
edit_message = false
allow_thread_sharing = false
favorites = false

[features.spontaneous_file_upload]
enabled = true
accept = {accept}
max_files = 5
max_size_mb = {max(1, settings.largest_upload // MEGABYTE)}

[features.audio]
enabled = false

[features.mcp]
enabled = false

[features.mcp.user_servers]
enabled = false
allowed_urls = []

[UI]
name = {quoted(words("name"))}
description = {quoted(words("description"))}
language = {quoted(CHAINLIT_LANGUAGES[settings.language])}
default_theme = "light"
cot = "tool_call"
confirm_new_chat = false
alert_style = "modern"
default_avatar_file_url = {quoted(f"{path}/public/avatars/shuzhi.svg")}
avatar_size = 22
login_page_image = {quoted(f"{path}/public/cover.svg")}
custom_css = "/public/style.css"
custom_js = "/public/page.js"
custom_meta_url = {quoted(f"{path}/")}
custom_meta_image_url = {quoted(f"{path}/favicon")}
custom_build = "build"
{approvals_link(words, path) if settings.accounts else ""}
[meta]
generated_by = {quoted(version("chainlit"))}
"""


def approvals_link(words: Wording, path: str) -> str:
    """The way to the page of approvals, in the chat's head."""
    name, icon = words("approvals.link"), f"{path}/public/icons/operator.svg"
    return f"""
[[UI.header_links]]
name = "approvals"
display_name = {json.dumps(name, ensure_ascii=False)}
icon_url = {json.dumps(icon)}
url = "/approvals"
target = "_self"
"""


def translation_text(package: Path, language: str, words: Wording) -> str:
    """Chainlit's own translation with our words where they are better."""
    texts: dict[str, Any] = json.loads((package / "translations" / f"{language}.json").read_text(encoding="utf-8"))
    login, form = texts["auth"]["login"], texts["auth"]["login"]["form"]
    login["title"] = words("login.title")
    form["email"] = {"label": words("login.user"), "required": words("login.user_required"), "placeholder": words("login.user_placeholder")}
    form["password"] = {"label": words("login.key"), "required": words("login.key_required")}
    form["actions"]["signin"] = words("login.enter")
    login["errors"]["default"] = words("login.wrong")
    texts["chat"]["input"]["placeholder"] = words("composer")
    texts["chat"]["watermark"] = words("watermark")
    texts["chat"]["messages"]["status"] = {"using": "", "used": ""}
    return json.dumps(texts, ensure_ascii=False)


def _secret(root: Path, settings: Settings) -> str:
    """Signs the page's cookies: stays over a restart, changes with the access key."""
    file = root / "secret"
    try:
        if not file.is_file():
            file.touch(mode=0o600)
            file.write_text(secrets.token_hex(32), encoding="utf-8")
        kept = file.read_text(encoding="utf-8")
    except OSError as error:
        raise StorageError(f"写不了对话页面的密钥：{error.strerror}", where=str(file), cure="检查权限") from error
    return hashlib.sha256(f"{kept}|{settings.api_key.get_secret_value()}".encode()).hexdigest()
