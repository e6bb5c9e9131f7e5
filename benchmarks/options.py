"""The command line that every script shares."""

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .report import Figure

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Options:
    """Where the public sets are, and how thorough to be."""

    data: Path
    """A folder with the public sets: the shared folder, its `data`, or another part of the same layout."""
    train: Path | None = None
    """Where scripts that learn take their training part from."""
    quick: bool = False
    """A look at whether the script works: too short for its figures to mean anything."""

    def folder(self, name: str, holding: str) -> Path | None:
        """The folder of one public set, recognised by a file it holds; None when it is not there."""
        places = (self.data / name, self.data / "data" / name, self.data.parent / name, self.data)
        return next((place for place in places if (place / holding).is_file()), None)


Measure = Callable[[Options], Iterable[Figure]]


def parser(name: str, about: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=name, description=about)
    made.add_argument("--data", type=Path, default=ROOT.parent / "shared", help="公开数据所在的目录")
    made.add_argument("--train", type=Path, default=None, help="训练数据所在的目录（有学习步骤的脚本用）")
    made.add_argument("--quick", action="store_true", help="只检查脚本能否运行，数字没有意义")
    return made


def run_script(name: str, about: str, measure: Measure) -> None:
    """One script by itself: its figures as they come."""
    given = parser(f"python -m benchmarks.{name}", about).parse_args()
    for figure in measure(Options(given.data.resolve(), given.train, given.quick)):
        print(figure.line(), flush=True)
