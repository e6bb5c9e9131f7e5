"""Where the typefaces lie that reports are set in; they come with packages, so that every machine sets the same pages."""

from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from domain.errors import ConfigurationError

PACKAGES = {"noto-cjk-sans-otc": ".ttc", "noto-cjk-sans-jp-bold": ".otf"}


@cache
def font_folders() -> tuple[str, ...]:
    """Raises ConfigurationError when one of the packages is not installed."""
    found: list[str] = []
    for package, suffix in PACKAGES.items():
        try:
            listed = files(package) or []
        except PackageNotFoundError:
            listed = []
        paths = [Path(str(file.locate())) for file in listed if file.suffix == suffix]
        if not paths or not paths[0].is_file():
            raise ConfigurationError(f"没有安装字体包 {package}", where=package, cure="按 requirements.txt 重新安装（make setup）")
        found.append(str(paths[0].parent))
    return tuple(found)
