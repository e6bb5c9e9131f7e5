"""The API without the chat page, for a checkout that has none: `python -m benchmarks.api_server`."""

import uvicorn

from serving.api import create_app
from serving.logs import configure_logging
from serving.settings import load_settings


def main() -> None:
    settings = load_settings()
    configure_logging(settings.log_level)
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
