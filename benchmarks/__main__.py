"""`python -m benchmarks [NAME…] [--data DIR] [--train DIR]`: all scripts or the named ones, each in a process of its own."""

import subprocess
import sys

from .options import parser
from .report import Figure

SCRIPTS = ("startup", "retrieval", "answer", "diagnosis", "gateway", "audit", "guard_attacks", "guard_pii", "enterprises")


def main() -> int:
    options = parser("python -m benchmarks", __doc__ or "")
    options.add_argument("names", nargs="*", choices=[[], *SCRIPTS], metavar="NAME", help="、".join(SCRIPTS))
    given = options.parse_args()
    passed = ["--data", str(given.data), *(["--train", str(given.train)] if given.train else []), *(["--quick"] if given.quick else [])]
    failed = 0
    for name in given.names or SCRIPTS:
        code = subprocess.call([sys.executable, "-m", f"benchmarks.{name}", *passed])
        if code:
            failed = 1
            print(Figure(name, "failed", None, "", note=f"exit {code}").line(), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
