"""`make eval [DATA=questions.jsonl]`: score the assistant; the shipped calibration questions without DATA."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from domain.errors import PlatformError
from serving.assembly import open_platform
from serving.logs import configure_logging
from serving.settings import load_settings

from .dataset import CALIBRATION, load_items
from .metrics import by_type, summary
from .run import run_items


async def score(path: Path) -> None:
    """Run in a home of its own unless SHUZHI_HOME is set, so that an evaluation never mixes with real work."""
    items = list(load_items(path))
    with tempfile.TemporaryDirectory() as scratch:
        settings = load_settings()
        if "home" not in settings.model_fields_set:
            settings = settings.model_copy(update={"home": Path(scratch)})
        platform = await open_platform(settings)
        try:
            scored = await run_items(platform, items)
        finally:
            await platform.close()
    sys.stdout.write(json.dumps({"suite": path.name, "model": platform.model_name, **summary(scored)}, ensure_ascii=False) + "\n")
    sys.stdout.write(json.dumps({"right_by_type": by_type(scored)}, ensure_ascii=False) + "\n")


def main() -> None:
    configure_logging("warning", to_stderr=True)
    try:
        asyncio.run(score(Path(sys.argv[1]) if len(sys.argv) > 1 else CALIBRATION))
    except PlatformError as error:
        sys.stderr.write(f"错误：{error.message}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
