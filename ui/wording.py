"""The page's own words, one YAML file a language."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from domain.yaml_data import parse_yaml

FOLDER = Path(__file__).parent / "text"


@dataclass(frozen=True)
class Step:
    """How a tool is named and drawn while it works."""

    name: str
    icon: str


@dataclass(frozen=True)
class Wording:
    """Texts by dotted key: `words("upload.done", title=…)`."""

    language: str
    texts: dict[str, Any]

    def __call__(self, key: str, **values: object) -> str:
        found = self.section(key)
        return str(found).format(**values) if values else str(found)

    def section(self, key: str) -> Any:
        found: Any = self.texts
        for part in key.split("."):
            found = found[part]
        return found

    def table(self, key: str) -> dict[str, str]:
        """A whole section, for a component that shows several of its texts."""
        return {str(name): str(text) for name, text in self.section(key).items()}

    def step(self, tool: str) -> Step:
        """A tool that has no name of its own here (a third party's) keeps its identifier."""
        known = cast("dict[str, dict[str, str]]", self.section("steps")).get(tool)
        return Step(known["name"], known["icon"]) if known else Step(tool, "wrench")


def load_wording(language: str) -> Wording:
    text = (FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
    return Wording(language, parse_yaml(text))
