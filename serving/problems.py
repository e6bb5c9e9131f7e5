"""Every error in one shape, on HTTP: `{error: {type, message, detail[], run_id}}`."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from domain.errors import NotAllowed, NotFound, PlatformError, Problem, ProblemDetail, UserInputError


def problem_response(problem: Problem, status: int) -> JSONResponse:
    return JSONResponse({"error": problem.model_dump(mode="json")}, status_code=status)


def note_refusal(request: Request, error: PlatformError) -> None:
    """Somebody we know tried an id that is not theirs: that is use of data too (GXDSL-8.1-7)."""
    principal, platform = getattr(request.state, "principal", None), getattr(request.app.state, "platform", None)
    target = next((str(value) for name, value in request.path_params.items() if name.endswith("_id")), "")
    if principal is not None and platform is not None and isinstance(error, NotFound | NotAllowed):
        platform.people.refused(principal, target, error, "http")


def add_problem_handlers(app: FastAPI) -> None:
    """One handler for our errors, one for FastAPI's own, one for what nobody foresaw."""

    @app.exception_handler(PlatformError)
    async def ours(request: Request, error: PlatformError) -> JSONResponse:
        note_refusal(request, error)
        return problem_response(error.problem(), error.status_code)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        details = [
            ProblemDetail(where=".".join(str(part) for part in e["loc"]), what=str(e["msg"]), cure="对照 /openapi.json 修改")
            for e in error.errors()
        ]
        return problem_response(UserInputError("请求的内容不对", detail=details).problem(), 422)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error.__cause__, PlatformError):
            return await ours(request, error.__cause__)
        if error.status_code == 404:
            return problem_response(NotFound("没有这个地址", where=request.url.path, cure="接口列表见 /openapi.json").problem(), 404)
        return problem_response(UserInputError(str(error.detail), where=request.url.path).problem(), error.status_code)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        cure = "请重试；若再次出现，请联系管理员"
        return problem_response(PlatformError("处理时出现内部错误", where=request.url.path, cure=cure).problem(), 500)
