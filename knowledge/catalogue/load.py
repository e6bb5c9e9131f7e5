"""Load and check the catalogue. A catalogue that is wrong anywhere is not loaded; the message names the file and the id."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import ValidationError

from domain.clause import FACTORY_LEVELS, Clause
from domain.errors import ConfigurationError, PlatformError, ProblemDetail
from domain.formula import evaluate
from domain.yaml_data import parse_yaml

from .model import Catalogue, Standard

CATALOGUE_DIR = Path(__file__).parent / "data"


def load_catalogue(directory: Path = CATALOGUE_DIR) -> Catalogue:
    """Read every `<standard>/*.yaml` under `directory` and check the whole.

    Raises:
        ConfigurationError: with one detail per fault found, so that they can be mended in one go.
    """
    folders = sorted(path for path in directory.iterdir() if path.is_dir()) if directory.is_dir() else []
    if not folders:
        raise ConfigurationError("条款目录是空的", where=str(directory), cure="重新安装，或检查目录路径")
    places: dict[str, str] = {}
    standards = [_read_standard(folder, places) for folder in folders]
    faults = [fault for standard in standards for fault in _faults(standard)]
    faults += list(_dangling(standards))
    if faults:
        detail = [fault.model_copy(update={"where": f"{places.get(fault.where, '')}: {fault.where}"}) for fault in faults]
        raise ConfigurationError(f"条款目录有 {len(faults)} 处错误", detail=detail)
    return Catalogue(standards)


def _read_standard(folder: Path, places: dict[str, str]) -> Standard:
    """`standard.yaml` holds the head and the sections; the other files hold lists of clauses, joined in file order.

    `places` learns which file each id stands in.
    """
    head_name = f"{folder.name}/standard.yaml"
    head = _read_yaml(folder / "standard.yaml")
    if not isinstance(head, dict):
        raise ConfigurationError("应为映射", where=head_name, cure="参照其他标准的 standard.yaml")
    clauses: list[Clause] = []
    details: list[ProblemDetail] = []
    for path in sorted(folder.glob("*.yaml")):
        if path.name != "standard.yaml":
            name = f"{folder.name}/{path.name}"
            part = _read_yaml(path)
            if not isinstance(part, list):
                raise ConfigurationError("应为条款列表", where=name, cure="每个条款以 - id: 开头")
            for number, raw in enumerate(part, 1):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
                clause_id = str(raw.get("id", "")) if isinstance(raw, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
                try:
                    clauses.append(Clause.model_validate(raw))
                except ValidationError as error:
                    details += _unreadable(error, f"{name}: {clause_id or f'第 {number} 条'}")
                places.setdefault(clause_id, name)
    try:
        standard = Standard.model_validate(head | {"clauses": clauses})
    except ValidationError as error:
        details += _unreadable(error, head_name)
    else:
        places.update(dict.fromkeys([standard.key, *(section.id for section in standard.sections)], head_name))
        if not details:
            return standard
    raise ConfigurationError(f"条款目录 {folder.name} 的格式不对", detail=details[:20])


def _unreadable(error: ValidationError, where: str) -> list[ProblemDetail]:
    return [ProblemDetail(where=f"{where}: {'.'.join(map(str, e['loc']))}", what=e["msg"], cure="修正该字段") for e in error.errors()]


def _read_yaml(path: Path) -> object:
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError("缺少文件", where=str(path), cure="重新安装") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"YAML 语法错误：{error}", where=str(path), cure="按报出的行列修正") from error


def _faults(standard: Standard) -> Iterator[ProblemDetail]:
    ids = [section.id for section in standard.sections] + [clause.id for clause in standard.clauses]
    for any_id, count in Counter(ids).items():
        if count > 1:
            yield ProblemDetail(where=any_id, what=f"编号重复 {count} 次", cure="删去多余的")
        if not any_id.startswith(f"{standard.key}-"):
            yield ProblemDetail(where=any_id, what=f"编号不以 {standard.key}- 开头", cure="改正编号")
    if len(standard.clauses) != standard.clause_count:
        what = f"应有 {standard.clause_count} 条，实有 {len(standard.clauses)} 条"
        yield ProblemDetail(where=standard.key, what=what, cure="补齐条款或改正 clause_count")
    for clause in standard.clauses:
        yield from _clause_faults(clause)
    yield from _weight_faults(standard)
    scenes = {c.id.rsplit("-", 1)[0]: 0 for c in standard.clauses if c.level}
    for clause in standard.clauses:
        if clause.level:
            scenes[clause.id.rsplit("-", 1)[0]] += 1
    for scene, cells in scenes.items():
        if cells != len(FACTORY_LEVELS):
            yield ProblemDetail(where=scene, what=f"有 {cells} 个等级，应为 {len(FACTORY_LEVELS)}", cure="补齐各等级")


def _clause_faults(clause: Clause) -> Iterator[ProblemDetail]:
    if clause.available and len(clause.questions) < 3:
        yield ProblemDetail(where=clause.id, what=f"有 {len(clause.questions)} 个问法", cure="写 3 个以上")
    if not clause.text.strip():
        yield ProblemDetail(where=clause.id, what="没有正文", cure="用自己的话写出该条要求")
    formula = clause.formula
    if not formula:
        return
    try:
        values = dict(zip((v.symbol for v in formula.variables), formula.test.inputs, strict=True))
        value = evaluate(formula, values)
    except (PlatformError, ValueError) as error:
        yield ProblemDetail(where=clause.id, what=f"公式不能算出其算例：{error}", cure="修正 expression 或 test")
        return
    if abs(value - formula.test.expected) > 1e-6:
        yield ProblemDetail(where=clause.id, what=f"算例得 {value}，应为 {formula.test.expected}", cure="修正 expression 或 test")


def _weight_faults(standard: Standard) -> Iterator[ProblemDetail]:
    """Weights sum to 100 at the top, and each parent's weight is the sum of its children's."""
    weights = {clause.id: clause.weight for clause in standard.clauses if clause.weight is not None}
    if not weights:
        return
    children: dict[str | None, float] = {}
    for clause in standard.clauses:
        if clause.weight is not None:
            parent = clause.parent if clause.parent in weights else None
            children[parent] = children.get(parent, 0.0) + clause.weight
    for parent, total in children.items():
        expected = 100.0 if parent is None else weights[parent]
        if abs(total - (expected or 0.0)) > 1e-9:
            yield ProblemDetail(where=parent or standard.key, what=f"权重之和为 {total}，应为 {expected}", cure="核对权重")


def _dangling(standards: list[Standard]) -> Iterator[ProblemDetail]:
    known = {item.id for standard in standards for item in [*standard.sections, *standard.clauses]}
    for standard in standards:
        for item in [*standard.sections, *standard.clauses]:
            targets = [item.parent] if item.parent else []
            targets += item.see if isinstance(item, Clause) else []
            for target in targets:
                if target not in known:
                    yield ProblemDetail(where=item.id, what=f"指向不存在的 {target}", cure="改正 parent 或 see")
