"""`shuzhi interview …`: guided interviews from the command line, through the same interface as everybody. Heavy imports wait."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from .terminal import AsJson, show

app = typer.Typer(help="引导式诊断访谈", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="访谈编号")]
Respondent = Annotated[str, typer.Option("--respondent", help="答复人；默认为自己")]


def _call(method: str, path: str, **more: Any) -> Any:
    from .client import call, open_client
    from .logs import configure_logging
    from .settings import load_settings

    settings = load_settings()
    configure_logging(settings.log_level, to_stderr=True)

    async def body() -> Any:
        async with open_client(settings) as client:
            return (await call(client, method, path, **more)).json()

    return asyncio.run(body())


def _reply(found: dict[str, Any], as_json: bool) -> None:
    show(found, as_json, [found["reply"], f"访谈 {found['interview']['id']}"])


@app.command("start")
def start(
    name: Annotated[str, typer.Argument(help="企业名称；不写则在访谈里问")] = "",
    assessment: Annotated[str, typer.Option(help="评估的键")] = "",
    enterprise: Annotated[str, typer.Option(help="已有档案的编号")] = "",
    participant: Annotated[list[str] | None, typer.Option(help="也可以作答的账号，可多次")] = None,
    as_json: AsJson = False,
) -> None:
    """开始一次访谈，得到第一个问题。"""
    body = {"name": name, "assessment": assessment, "enterprise": enterprise, "participants": participant or []}
    _reply(_call("POST", "/v1/interviews", json=body), as_json)


@app.command("answer")
def answer(
    interview_id: Id,
    text: Annotated[str, typer.Argument(help="回答，或“跳过”“上一题”“现在多少分”“暂停”")] = "",
    file: Annotated[Path | None, typer.Option(help="填好的表格或文档：XLSX、DOCX、PDF")] = None,
    respondent: Respondent = "",
    as_json: AsJson = False,
) -> None:
    """回答当前问题，或交一份填好的表。"""
    from domain.errors import UserInputError

    path = f"/v1/interviews/{interview_id}"
    if file is not None:
        try:
            given = {"file": (file.name, file.read_bytes())}
        except OSError as error:
            raise UserInputError(f"读不了文件：{error.strerror}", where=str(file), cure="检查路径") from error
        _reply(_call("POST", f"{path}/attachments", files=given, data={"respondent": respondent}), as_json)
        return
    _reply(_call("POST", f"{path}/answers", json={"text": text, "respondent": respondent}), as_json)


@app.command("show")
def show_interview(interview_id: Id, respondent: Respondent = "", as_json: AsJson = False) -> None:
    """访谈到哪一步了：问题、进度、评级建议与依据。"""
    found = _call("GET", f"/v1/interviews/{interview_id}", params={"respondent": respondent})
    now = found["interview"]
    progress = now["progress"]
    lines = [f"{now['title']}  {now['status']}  {progress['answered']}/{progress['items']} 项有依据，{progress['confirmed']} 项已确认"]
    lines += [
        f"{each['item']}  {each['value']}  {each['state_name']}  {each['respondent']}：“{each['evidence']}”" for each in now["proposals"]
    ]
    lines += [f"说法不一：{each['title']}" for each in now["conflicts"]]
    lines += [f"问题：{now['question']['title']}：{now['question']['text']}"] if now["question"] else []
    show(found, as_json, lines)


@app.command("confirm")
def confirm(
    interview_id: Id,
    items: Annotated[list[str] | None, typer.Argument(help="评级的编号；不写则为全部没有争议的，以及记下的企业情况")] = None,
    value: Annotated[str, typer.Option(help="更正为")] = "",
    reason: Annotated[str, typer.Option(help="原因；更正要写")] = "",
    respondent: Annotated[str, typer.Option("--respondent", help="采纳谁的说法")] = "",
    as_json: AsJson = False,
) -> None:
    """以本人名义确认或更正评级。"""
    path = f"/v1/interviews/{interview_id}"
    now = _call("GET", path)["interview"]
    disputed = {each["item"] for each in now["conflicts"]}
    open_items = dict.fromkeys(each["item"] for each in now["proposals"] if each["state"] == "proposed" and each["item"] not in disputed)
    body = {"decision": "correct" if value else "confirm", "value": value, "reason": reason, "respondent": respondent}
    found = {"interview": now}
    for item in items or open_items:
        found = _call("POST", f"{path}/ratings/{item}", json=body)
    if not items:
        found = _call("POST", f"{path}/profile", json={"fields": []})
    progress = found["interview"]["progress"]
    show(found, as_json, [f"{progress['confirmed']} 项已确认，{len(found['interview']['conflicts'])} 项说法不一"])


@app.command("finish")
def finish(interview_id: Id, as_json: AsJson = False) -> None:
    """出诊断结果，记入企业档案。"""
    _reply(_call("POST", f"/v1/interviews/{interview_id}/finish"), as_json)
