"""The audit trail and encryption at rest: entries a second alone, batched and checked; what sealing a value costs."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from domain.principal import Principal
from records.audit import AuditLog
from records.audit_chain import HASHES
from records.audit_entries import NewEntry
from records.audit_export import Exporter, verify_export
from records.audit_rows import verify
from records.ciphers import CODES
from records.database import Database
from records.keys import new_key_line, parse_keys
from records.sealing import Place, Sealer

from .options import Options, run_script
from .report import Figure, median, percentile

AUDITOR = Principal(id="auditor", tenant="锻造厂", roles=frozenset({"audit_admin"}))
ENTRY = NewEntry(
    principal=AUDITOR,
    action="document.read",
    door="http",
    object_kind="document",
    object_id="0" * 32,
    level="restricted",
    reason="查阅设备台账",
    detail={"title": "设备台账", "contact": "138****0000", "pages": 12},
)
BATCH = 1_000
PLACE = Place("people", "phone", "0" * 32)
TEXT = "13800000000，某市某区某路 1 号"


def measure(options: Options) -> Iterator[Figure]:
    batches, singles, values = (1, 10, 50) if options.quick else (50, 500, 5_000)
    keys = parse_keys(new_key_line()[1], "benchmark")
    with tempfile.TemporaryDirectory() as scratch:
        for algorithm in HASHES:
            database = Database(f"sqlite:///{scratch}/{algorithm}.db")
            database.upgrade()
            log = AuditLog(database, algorithm=algorithm, keys=keys)
            rate = batches * BATCH / seconds(lambda: [log.append([ENTRY] * BATCH) for _ in range(batches)])  # noqa: B023
            yield Figure("audit", f"append_batched_{algorithm}", rate, "entries/s", 5_000, "higher")
            single = [seconds(lambda: log.append(ENTRY)) * 1000 for _ in range(singles)]  # noqa: B023
            yield Figure("audit", f"append_single_p50_{algorithm}", median(single), "ms")
            yield Figure("audit", f"append_single_p95_{algorithm}", percentile(single, 0.95), "ms")
            count = batches * BATCH + singles
            yield Figure("audit", f"verify_{algorithm}", count / seconds(lambda: verify(database, keys=keys)), "entries/s")  # noqa: B023
            exporter, path = Exporter(database, log, algorithm=algorithm, keys=keys), Path(scratch) / "export.jsonl"
            yield Figure("audit", f"export_{algorithm}", count / seconds(lambda: exporter.export(path, AUDITOR, door="cli")), "entries/s")  # noqa: B023
            yield Figure("audit", f"verify_export_{algorithm}", count / seconds(lambda: verify_export(path, keys=keys)), "entries/s")  # noqa: B023
            database.close()
        database = Database(f"sqlite:///{scratch}/sealing.db")
        database.upgrade()
        for algorithm in CODES:
            sealer = Sealer(database, keys, algorithm=algorithm)
            took = seconds(lambda: [sealer.open(sealer.seal(TEXT, PLACE), PLACE) for _ in range(values)])  # noqa: B023
            yield Figure("audit", f"seal_and_open_{algorithm}", took / values * 1e6, "µs")
        database.close()


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    run_script("audit", __doc__ or "", measure)
