"""Reading our data files: the safe loader, in C where it is there (ten times as fast at start-up)."""

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str) -> Any:
    """The plain values in a YAML text. Raises yaml.YAMLError, which names line and column."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - safe by `_LOADER`
