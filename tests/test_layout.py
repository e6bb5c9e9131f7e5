"""The folders are the architecture: each name is ours, complete, and found in this repository."""

import importlib.util
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FLOORS = ["ui | evals", "serving", "agents", "tools | guardrails", "records", "knowledge", "domain"]
PACKAGES = [name for floor in FLOORS for name in floor.split(" | ")]
TOP_LEVEL = [*PACKAGES, "benchmarks", "tests"]
TOLERATED = {"tests": {"literalai"}}
"""It installs a top-level `tests`; ours stays first on the path because it has an `__init__.py`."""


@pytest.mark.parametrize("name", TOP_LEVEL)
class TestTopLevelNames:
    def test_a_name_is_found_here(self, name: str) -> None:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin == str(ROOT / name / "__init__.py")

    def test_no_other_distribution_claims_it(self, name: str) -> None:
        others = set(packages_distributions().get(name, [])) - {PROJECT["project"]["name"]}
        assert others <= TOLERATED.get(name, set())

    def test_the_standard_library_does_not_have_it(self, name: str) -> None:
        assert name not in sys.stdlib_module_names

    def test_every_folder_with_modules_is_a_package(self, name: str) -> None:
        folders = {module.parent for module in modules(ROOT / name)}
        assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def modules(folder: Path) -> list[Path]:
    """Python files, save those of projects of their own inside (the sample plug-in)."""
    projects = {project.parent for project in folder.rglob("pyproject.toml")}
    return [module for module in folder.rglob("*.py") if not projects & set(module.parents)]


def test_every_package_ships() -> None:
    assert sorted(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == sorted(PACKAGES)


def test_every_package_stands_on_a_floor() -> None:
    [contract] = PROJECT["tool"]["importlinter"]["contracts"]
    assert contract["layers"] == FLOORS
    assert sorted(PROJECT["tool"]["importlinter"]["root_packages"]) == sorted(PACKAGES)


def test_there_are_no_other_packages() -> None:
    assert sorted(init.parent.name for init in ROOT.glob("*/__init__.py")) == sorted(TOP_LEVEL)


@pytest.mark.parametrize("name", ["core", "common", "utils", "helpers", "misc", "shared", "lib"])
def test_there_is_no_drawer(name: str) -> None:
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.stem == name and path.suffix in ("", ".py")]
    assert found == []


def test_pages_shadow_no_package() -> None:
    """Chainlit puts `ui/` first on the path, so that its modules are found before installed ones of the same name."""
    inside = {path.stem for path in (ROOT / "ui").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert inside & {*TOP_LEVEL, *sys.stdlib_module_names, *packages_distributions()} - {"__init__"} == set()
