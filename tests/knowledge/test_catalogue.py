"""The clause catalogue: complete, consistent, and refused as a whole when anything in it is wrong."""

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.clause import FACTORY_LEVELS
from domain.errors import ConfigurationError, NotFound
from domain.formula import evaluate
from knowledge.catalogue import CATALOGUE_DIR, Catalogue, load_catalogue

SEEDS = Path(__file__).parents[3] / "shared" / "standards"
needs_seeds = pytest.mark.skipif(not (SEEDS / "inventory.json").is_file(), reason="the standards' texts (../shared/standards) are not here")


class TestContents:
    def test_every_clause_of_the_five_standards_is_there(self, catalogue: Catalogue) -> None:
        counts = {key: len(standard.clauses) for key, standard in catalogue.standards.items()}
        assert counts == {"TISC": 285, "SDIB": 73, "JSSF": 208, "MIIT": 31, "GXDSL": 173}
        assert len(catalogue.clauses) == 770

    @needs_seeds
    def test_the_ids_are_those_of_the_inventory(self, catalogue: Catalogue) -> None:
        ids = [entry["id"] for entry in json.loads((SEEDS / "inventory.json").read_text(encoding="utf-8"))]
        assert sorted(catalogue.clauses) == sorted(ids)

    def test_a_clause_can_be_found_by_what_people_say(self, catalogue: Catalogue) -> None:
        silent = [c.id for c in catalogue.clauses.values() if c.available and not (c.synonyms and len(c.questions) >= 3)]
        assert silent == []

    def test_every_clause_hangs_under_its_standard(self, catalogue: Catalogue) -> None:
        for clause_id in catalogue.clauses:
            assert catalogue.path(clause_id)[0] == catalogue.standard_of(clause_id).short

    def test_every_scene_of_jiangsu_has_all_levels(self, catalogue: Catalogue) -> None:
        for number in range(1, 41):
            assert [catalogue.cell(f"JSSF-{number:02d}", level).level for level in FACTORY_LEVELS] == list(FACTORY_LEVELS)

    def test_weights_sum_to_100(self, catalogue: Catalogue) -> None:
        weighted = [c for c in catalogue.clauses.values() if c.weight is not None]
        tops = [
            c for c in weighted if not c.parent or catalogue.clauses.get(c.parent) is None or catalogue.clauses[c.parent].weight is None
        ]
        assert weighted
        assert sum(c.weight or 0 for c in tops) == 100

    def test_every_formula_reproduces_its_worked_example(self, catalogue: Catalogue) -> None:
        formulas = {c.id: c.formula for c in catalogue.clauses.values() if c.formula}
        assert len(formulas) >= 29
        for clause_id, formula in formulas.items():
            values = dict(zip((v.symbol for v in formula.variables), formula.test.inputs, strict=True))
            assert evaluate(formula, values) == pytest.approx(formula.test.expected), clause_id

    @needs_seeds
    def test_clauses_are_in_our_own_words(self, catalogue: Catalogue, record_property: Callable[[str, object], None]) -> None:
        """No stretch of 20 characters is the standard's, save what has no other words: lists, titles, formulas, Latin names."""
        lists = re.compile(r"、|[A-Za-z]+|《[^》]*》|[^,;。:]*[=×][^,;。]*")
        copied: list[str] = []
        stretches = 0
        for key, standard in catalogue.standards.items():
            official = plain((SEEDS / f"{key.lower()}.txt").read_text(encoding="utf-8"))
            for clause in standard.clauses:
                stretches += copies(plain(clause.text), official)
                copied += [clause.id for part in lists.split(plain(clause.text)) if copies(part, official)]
        record_property("stretches of 20 and more that are lists, titles or formulas", stretches)
        assert copied == []
        assert stretches < 200


def plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def copies(text: str, official: str, length: int = 20) -> int:
    """How many separate stretches of `length` characters and more of `text` stand in `official`."""
    hits = [text[at : at + length] in official for at in range(max(0, len(text) - length + 1))]
    return sum(1 for at, hit in enumerate(hits) if hit and not (at and hits[at - 1]))


class TestLookUps:
    def test_an_unknown_id_is_answered_with_the_nearest(self, catalogue: Catalogue) -> None:
        with pytest.raises(NotFound) as caught:
            catalogue.clause("TISC-7.3.1b")
        assert "TISC-7.3.1-b" in caught.value.detail[0].cure

    def test_an_unknown_standard_is_answered_with_the_known_ones(self, catalogue: Catalogue) -> None:
        with pytest.raises(NotFound) as caught:
            catalogue.standard_of("ISO-1")
        assert "TISC" in caught.value.detail[0].cure

    def test_descendants_come_in_document_order(self, catalogue: Catalogue) -> None:
        below = catalogue.descendants("TISC-7.3.1")
        order = list(catalogue.clauses)
        assert "TISC-7.3.1-b" in below
        assert below == sorted(below, key=order.index)

    def test_siblings_are_the_others_under_the_same_heading(self, catalogue: Catalogue) -> None:
        siblings = catalogue.siblings("TISC-7.3.1-b")
        assert "TISC-7.3.1-a" in siblings
        assert "TISC-7.3.1-b" not in siblings

    def test_a_level_that_asks_nothing_is_stood_in_for_by_the_next_that_does(self, catalogue: Catalogue) -> None:
        silent = [c for c in catalogue.clauses.values() if c.level and not c.available and c.parent]
        assert silent
        for cell in silent:
            assert cell.level
            found = catalogue.first_available(cell.parent or "", cell.level)
            later = FACTORY_LEVELS[FACTORY_LEVELS.index(cell.level) + 1 :]
            assert found is None or (found.available and found.level in later)

    def test_thresholds_of_one_metric_rise(self, catalogue: Catalogue) -> None:
        assert catalogue.ladders
        for ladder in catalogue.ladders:
            values = [catalogue.clauses[clause_id].facts[0].value for clause_id in ladder]
            assert values == sorted(values, key=float)


HEAD: dict[str, Any] = {
    "key": "DEMO",
    "code": "T/DEMO 1",
    "title": "示例标准",
    "short": "示例",
    "issuer": "协会",
    "status": "发布",
    "version": "2026",
    "aliases": ["示例"],
    "marks": ["示例标准"],
    "clause_count": 2,
    "sections": [{"id": "DEMO-1", "number": "1", "title": "指标"}],
}
FORMULA = {"printed": "率 = 甲 / 乙", "expression": "a / b", "variables": [{"symbol": "a", "name": "甲"}, {"symbol": "b", "name": "乙"}]}
CLAUSES: list[dict[str, Any]] = [
    {"id": "DEMO-1-1", "parent": "DEMO-1", "title": "率", "text": "算这个率。", "questions": ["一", "二", "三"], "weight": 60},
    {"id": "DEMO-1-2", "parent": "DEMO-1", "title": "量", "text": "算这个量。", "questions": ["一", "二", "三"], "weight": 40},
]
CLAUSES[0]["formula"] = FORMULA | {"test": {"inputs": [1, 4], "expected": 0.25}}


def write(folder: Path, head: dict[str, Any] = HEAD, clauses: list[dict[str, Any]] = CLAUSES) -> Path:
    """A catalogue of one small standard in `folder`."""
    standard = folder / "demo"
    standard.mkdir(parents=True)
    (standard / "standard.yaml").write_text(yaml.safe_dump(head, allow_unicode=True), encoding="utf-8")
    (standard / "clauses.yaml").write_text(yaml.safe_dump(clauses, allow_unicode=True), encoding="utf-8")
    return folder


def with_clause(number: int, **changed: Any) -> list[dict[str, Any]]:
    return [clause | changed if at == number else clause for at, clause in enumerate(CLAUSES)]


def refusal(folder: Path) -> str:
    """What a wrong catalogue is refused with: the message and every detail."""
    with pytest.raises(ConfigurationError) as caught:
        load_catalogue(folder)
    assert caught.value.detail
    assert all(detail.cure for detail in caught.value.detail)
    return "\n".join([caught.value.message, *(f"{d.where} {d.what}" for d in caught.value.detail)])


class TestWrongCatalogues:
    def test_the_small_one_is_right(self, tmp_path: Path) -> None:
        assert list(load_catalogue(write(tmp_path / "a")).clauses) == ["DEMO-1-1", "DEMO-1-2"]

    @pytest.mark.parametrize(
        ("clauses", "what"),
        [
            pytest.param(with_clause(1, id="DEMO-1-1"), "重复", id="an id twice"),
            pytest.param(with_clause(0, titel="率"), "titel", id="a key with a typo"),
            pytest.param(with_clause(0, facts=[{"metric": "率", "op": "=", "value": 1, "unti": "%"}]), "unti", id="a typo further down"),
            pytest.param(with_clause(0, title=None), "title", id="a key without a value"),
            pytest.param(with_clause(0, modality="必须"), "modality", id="an unknown modality"),
            pytest.param(with_clause(0, questions=["一", "二"]), "问法", id="too few questions"),
            pytest.param(with_clause(0, text="  "), "没有正文", id="no text"),
            pytest.param(with_clause(0, see=["DEMO-9"]), "DEMO-9", id="a reference to nothing"),
            pytest.param(
                with_clause(0, formula=FORMULA | {"test": {"inputs": [1, 4], "expected": 0.3}}),
                "算例得 0.25，应为 0.3",
                id="another result",
            ),
            pytest.param(with_clause(0, formula=FORMULA | {"test": {"inputs": [1], "expected": 1}}), "算例", id="an input short"),
            pytest.param(
                with_clause(0, formula=FORMULA | {"expression": "a / c", "test": {"inputs": [1, 4], "expected": 1}}),
                "算例",
                id="a wrong name",
            ),
        ],
    )
    def test_a_wrong_clause_is_named_with_its_file(self, tmp_path: Path, clauses: list[dict[str, Any]], what: str) -> None:
        said = refusal(write(tmp_path, clauses=clauses))
        assert "demo/clauses.yaml: DEMO-1-1" in said
        assert what in said

    def test_weights_that_do_not_sum_to_100(self, tmp_path: Path) -> None:
        said = refusal(write(tmp_path, clauses=with_clause(1, weight=30)))
        assert "demo/standard.yaml: DEMO 权重之和为 90" in said

    def test_weights_of_children_that_do_not_sum_to_their_parents(self, tmp_path: Path) -> None:
        child = CLAUSES[1] | {"id": "DEMO-1-3", "parent": "DEMO-1-2", "weight": 30}
        said = refusal(write(tmp_path, HEAD | {"clause_count": 3}, [*CLAUSES, child]))
        assert "demo/clauses.yaml: DEMO-1-2 权重之和为 30.0，应为 40" in said

    def test_a_clause_too_few(self, tmp_path: Path) -> None:
        assert "demo/standard.yaml: DEMO 应有 3 条，实有 2 条" in refusal(write(tmp_path, HEAD | {"clause_count": 3}))

    def test_a_clause_of_another_standard(self, tmp_path: Path) -> None:
        assert "编号不以 DEMO- 开头" in refusal(write(tmp_path, clauses=with_clause(1, id="OTHER-1")))

    def test_a_head_with_a_typo(self, tmp_path: Path) -> None:
        said = refusal(write(tmp_path, HEAD | {"tilte": "示例"}))
        assert "demo/standard.yaml: tilte" in said

    def test_a_missing_file(self, tmp_path: Path) -> None:
        (write(tmp_path) / "demo" / "standard.yaml").unlink()
        assert str(tmp_path / "demo" / "standard.yaml") in refusal(tmp_path)

    def test_an_empty_catalogue(self, tmp_path: Path) -> None:
        assert str(tmp_path / "none") in refusal(tmp_path / "none")

    def test_broken_yaml_is_named_with_its_line(self, tmp_path: Path) -> None:
        (write(tmp_path) / "demo" / "clauses.yaml").write_text("- id: A\n  title: [\n", encoding="utf-8")
        said = refusal(tmp_path)
        assert "clauses.yaml" in said
        assert "line" in said

    @pytest.mark.parametrize(("name", "content"), [("standard.yaml", "- a"), ("clauses.yaml", "a: b"), ("clauses.yaml", "")])
    def test_a_file_of_another_shape(self, tmp_path: Path, name: str, content: str) -> None:
        (write(tmp_path) / "demo" / name).write_text(content, encoding="utf-8")
        assert f"demo/{name}" in refusal(tmp_path)

    def test_a_clause_that_is_no_mapping(self, tmp_path: Path) -> None:
        (write(tmp_path) / "demo" / "more.yaml").write_text("- just words\n", encoding="utf-8")
        assert "demo/more.yaml: 第 1 条" in refusal(tmp_path)

    def test_all_faults_are_named_at_once(self, tmp_path: Path) -> None:
        said = refusal(write(tmp_path, clauses=[CLAUSES[0] | {"see": ["DEMO-8"]}, CLAUSES[1] | {"see": ["DEMO-9"]}]))
        assert "DEMO-8" in said
        assert "DEMO-9" in said

    def test_a_damaged_copy_of_what_ships_is_refused(self, tmp_path: Path) -> None:
        source = CATALOGUE_DIR / "miit"
        (tmp_path / "miit").mkdir()
        for file in source.glob("*.yaml"):
            text = file.read_text(encoding="utf-8")
            (tmp_path / "miit" / file.name).write_text(text.replace("id: MIIT-15\n", "id: MIIT-16\n", 1), encoding="utf-8")
        assert "MIIT-16 编号重复" in refusal(tmp_path)
