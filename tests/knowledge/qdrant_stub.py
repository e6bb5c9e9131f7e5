"""A Qdrant server for tests: the REST API's wire format, answered by qdrant-client's own local engine, in a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from qdrant_client import QdrantClient, models

SPOKEN = ".".join(version("qdrant-client").split(".")[:2]) + ".0"
"""The server version that this client takes for its own."""


def stub_app(engine: QdrantClient) -> FastAPI:
    """The calls that a passage index makes. Handlers are coroutines, so that the engine is used by one at a time."""
    app = FastAPI()

    def ok(result: Any = True) -> JSONResponse:
        return JSONResponse({"result": _plain(result), "status": "ok", "time": 0.0})

    @app.exception_handler(ValueError)
    async def refused(request: Request, error: ValueError) -> JSONResponse:
        return JSONResponse({"status": {"error": str(error)}, "time": 0.0}, 404 if "not found" in str(error) else 400)

    @app.get("/")
    async def about() -> dict[str, str]:
        return {"title": "qdrant - vector search engine", "version": SPOKEN}

    @app.get("/collections/{name}/exists")
    async def exists(name: str) -> JSONResponse:
        return ok({"exists": engine.collection_exists(name)})

    @app.put("/collections/{name}")
    async def create(name: str, request: Request) -> JSONResponse:
        body = models.CreateCollection.model_validate(await request.json())
        return ok(engine.create_collection(name, vectors_config=body.vectors, sparse_vectors_config=body.sparse_vectors))

    @app.put("/collections/{name}/index")
    async def index_field(name: str) -> JSONResponse:
        return ok({"operation_id": 0, "status": "completed"})

    @app.put("/collections/{name}/points")
    async def upsert(name: str, request: Request) -> JSONResponse:
        return ok(engine.upsert(name, models.PointsList.model_validate(await request.json()).points))

    @app.post("/collections/{name}/points/delete")
    async def delete(name: str, request: Request) -> JSONResponse:
        return ok(engine.delete(name, models.FilterSelector.model_validate(await request.json())))

    @app.post("/collections/{name}/points/count")
    async def count(name: str) -> JSONResponse:
        return ok(engine.count(name))

    @app.post("/collections/{name}/points/query/batch")
    async def query(name: str, request: Request) -> JSONResponse:
        body = models.QueryRequestBatch.model_validate(await request.json())
        return ok(engine.query_batch_points(name, body.searches))

    return app


def _plain(result: Any) -> Any:
    if isinstance(result, list):
        return [_plain(item) for item in result]
    return result.model_dump(mode="json", exclude_none=True) if isinstance(result, BaseModel) else result


@contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """The address of a running server; gone at the end."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
