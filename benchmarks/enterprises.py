"""Enterprise files: searches over 100,000 of them on SQLite and (with its binaries) PostgreSQL; import of a table of 10,000 rows."""

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from domain.principal import Label, Principal
from records.content import PLAIN
from records.database import Database
from records.encoding import new_id
from records.enterprises.archive import Archive, open_archive
from records.enterprises.exporting import Exporter
from records.enterprises.projection import Event
from records.enterprises.search import EnterpriseQuery
from records.enterprises.workspace import Workspace

from .options import Options, run_script
from .report import Figure, percentile

FILES, TENANTS, QUESTIONS, BATCH, ROWS = 100_000, 4, 400, 2_000, 10_000
LIMIT_MS = 50
REGIONS = (
    "江苏省苏州市昆山市",
    "江苏省无锡市",
    "浙江省宁波市",
    "广东省深圳市",
    "广东省佛山市",
    "湖北省武汉市",
    "四川省成都市",
    "山东省青岛市",
)
TRADES = {
    "C34": "精密机械",
    "C39": "电子科技",
    "C17": "纺织",
    "C26": "化工",
    "C36": "汽车零部件",
    "I65": "软件",
    "C33": "金属制品",
    "C29": "橡塑",
}
PAINS = (
    "设备停机多",
    "交期经常延误",
    "质量追溯困难",
    "库存积压",
    "排产靠人工",
    "能耗高",
    "数据不共享",
    "客户投诉多",
    "缺料频繁",
    "报表靠手工",
)
CHARACTERS = "".join(chr(0x4E00 + at) for at in range(2_000))


def person(tenant: int) -> Principal:
    return Principal(id="chief", tenant=f"t{tenant}", roles=frozenset({"operator"}))


def profile(source: random.Random) -> dict[str, object]:
    code, trade = source.choice(list(TRADES.items()))
    region = source.choice(REGIONS)
    name = f"{region[3:5]}{''.join(source.choices(CHARACTERS, k=3))}{trade}有限公司"
    more = {
        "pain_points": source.sample(PAINS, 2),
        "products": [f"{trade}{source.choice(CHARACTERS)}件"],
        "employees": source.randint(1, 3000),
    }
    return {"name": name, "region": region, "industry_code": code, **more}


def fill(database: Database, count: int) -> list[str]:
    """Names of the files that were begun."""
    source, names = random.Random(7), list[str]()
    for start in range(0, count, BATCH):
        with database.transaction(write=True) as connection:
            workspace = Workspace(connection, PLAIN)
            for number in range(start, min(start + BATCH, count)):
                who, fields = person(number % TENANTS), profile(source)
                label = Label(level="restricted", tenant=who.tenant).model_dump(mode="json")
                payload = {"profile": fields, "label": label, "owner": who.id}
                said = {"by": who.id, "at": datetime.now(UTC), "kind": "created", "tenant": who.tenant}
                workspace.record(Event(id=new_id(), enterprise=new_id(), payload=payload, **said))  # pyright: ignore
                names.append(str(fields["name"]))
            workspace.flush()
    if database.backend == "postgresql":
        with database.transaction(write=True) as connection:
            connection.execute(text("ANALYZE"))
    return names


def questions(names: list[str], count: int) -> Iterator[EnterpriseQuery]:
    """Parts of names, pain points, single characters, what every name has, filters, and what nobody has."""
    source = random.Random(11)
    for number in range(count):
        name = source.choice(names)
        match number % 8:
            case 0:
                yield EnterpriseQuery(text=name[:5])
            case 1:
                yield EnterpriseQuery(text=name[2:4])
            case 2:
                yield EnterpriseQuery(text="有限公司")
            case 3:
                yield EnterpriseQuery(region=source.choice(REGIONS)[:6], industry=source.choice(list(TRADES)), size="小型")
            case 4:
                yield EnterpriseQuery(pain_point=source.choice(PAINS)[:4], demand="质量控制")
            case 5:
                yield EnterpriseQuery(text=f"{name[2]} {name[5:7]}")
            case 6:
                yield EnterpriseQuery(text="查无此厂名")
            case _:
                yield EnterpriseQuery(industry="C", text=name[-8:-4])


def searched(archive: Archive, asked: list[EnterpriseQuery]) -> list[float]:
    times: list[float] = []
    for number, query in enumerate(asked):
        started = time.perf_counter()
        archive.files.search(query, person(number % TENANTS))
        times.append((time.perf_counter() - started) * 1000)
    return times


def measured(url: str, backend: str, options: Options) -> Iterator[Figure]:
    count, asked, rows = (2_000, 16, 100) if options.quick else (FILES, QUESTIONS, ROWS)
    database = Database(url)
    database.upgrade()
    archive, started = open_archive(database), time.process_time()
    names = fill(database, count)
    note = f"{count} files of {TENANTS} tenants"
    yield Figure(
        "enterprises", f"begin_{backend}", count / (time.process_time() - started), "files/s", better="higher", note="CPU of this process"
    )
    wanted = list(questions(names, asked))
    searched(archive, wanted[:8])
    times = searched(archive, wanted)
    yield Figure("enterprises", f"search_p50_{backend}", percentile(times, 0.5), "ms", note=note)
    yield Figure("enterprises", f"search_p95_{backend}", percentile(times, 0.95), "ms", LIMIT_MS, note=note)
    yield Figure("enterprises", f"search_max_{backend}", max(times), "ms", note=note)
    data, who = table(archive.exporter, rows), person(99)
    for figure in ("import_new", "import_same"):
        started, cpu = time.perf_counter(), time.process_time()
        archive.importer.run(data, "table.xlsx", who, mode="all", door="cli")
        spent = time.process_time() - cpu
        yield Figure("enterprises", f"{figure}_{backend}", time.perf_counter() - started, "s", note=f"{rows} rows, {spent:.1f} s of CPU")
    database.close()


def table(exporter: Exporter, rows: int) -> bytes:
    """A filled-in template."""
    import io  # only this needs it

    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(exporter.template()))
    sheet, source = book.worksheets[0], random.Random(13)
    for number in range(rows):
        fields = profile(source)
        sheet.cell(number + 2, 1, f"{number}号{fields['name']}")
        sheet.cell(number + 2, 3, str(fields["region"]))
        sheet.cell(number + 2, 4, str(fields["industry_code"]))
        sheet.cell(number + 2, 8, source.randint(1, 3000))
        sheet.cell(number + 2, 9, source.randint(1, 90_000))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Address of a server that is thrown away; empty without its binaries."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not binaries:
        yield ""
        return
    user = "postgres" if os.getuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(binaries[-1] / program), "-D", str(folder / "data"), *arguments], user=user, cwd="/", check=True, stdout=subprocess.DEVNULL
        )

    call("initdb", "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
    call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -c listen_addresses='' -c fsync=off", "start")
    try:
        yield f"postgresql://app@/postgres?host={folder}"
    finally:
        call("pg_ctl", "-w", "-m", "immediate", "stop")


def measure(options: Options) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="ent-") as scratch:
        yield from measured(f"sqlite:///{scratch}/files.db", "sqlite", options)
    with tempfile.TemporaryDirectory(prefix="ent-") as scratch, postgres(Path(scratch)) as url:
        if url:
            yield from measured(url, "postgres", options)
        else:
            yield Figure("enterprises", "search_p95_postgres", None, "ms", LIMIT_MS, note="no PostgreSQL binaries on this machine")


if __name__ == "__main__":
    run_script("enterprises", __doc__ or "", measure)
