"""The endpoint client against the shipped fake endpoint, and against raw sockets for what no HTTP server would send."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, closing, suppress
from typing import Any

import pytest
from pydantic import ValidationError

from agents.model import ChatModel, Message, ModelUnavailable, ToolRequest
from serving.endpoint import EndpointConfig, EndpointModel, EventParser, normalise
from serving.fake_endpoint import Behaviour, FakeEndpoint

ASK = [Message("system", "你是助手"), Message("user", "设备联网率怎么算？")]
EVIDENCE = "证据：\n[1] (TISC-7.3.1-b) 设备管理：应建立设备台账。应定期点检。\n[2] (MIIT-15) 数字化设备联网率不低于50%；"
TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}},
    }
    for name in ("search_standards", "get_clause")
]
SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "marks": {"type": "array", "items": {"type": "integer"}}},
    "required": ["text", "marks"],
}
KEY = "sk-very-secret"


@asynccontextmanager
async def endpoint(base_url: str, **changed: Any) -> AsyncGenerator[EndpointModel]:
    patience = {"connect_s": 2, "first_token_s": 2, "idle_s": 2, "total_s": 5, "retry_wait_s": 0.01}
    model = EndpointModel(EndpointConfig.model_validate({"base_url": base_url, "model": "fake", "api_key": KEY} | patience | changed))
    try:
        yield model
    finally:
        await model.close()


@asynccontextmanager
async def raw(*writes: bytes, content_type: str = "text/event-stream") -> AsyncGenerator[str]:
    """A server that answers every request with exactly these writes and closes."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n" if content_type else ""
    running: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.current_task())
        with suppress(ConnectionError), closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            for part in (head.encode(), *writes):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.001)

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        await asyncio.gather(*(task for task in running if task))


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return (
        b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}, ensure_ascii=False).encode() + b"\n\n"
    )


def check_fault(error: ModelUnavailable, kind: str) -> None:
    assert error.kind == kind
    problem = error.problem()
    assert problem.detail[0].where.startswith("127.0.0.1:")
    assert problem.detail[0].cure
    assert KEY not in problem.model_dump_json()
    assert "Bearer" not in problem.model_dump_json()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not condition():
            await asyncio.sleep(0.005)


async def collect(model: ChatModel) -> list[str]:
    return [text async for text in model.stream(ASK)]


async def test_stream_and_complete_give_the_same_grounded_answer() -> None:
    async with FakeEndpoint() as fake, endpoint(fake.base_url) as model:
        pieces = [text async for text in model.stream([Message("system", EVIDENCE), *ASK])]
        assert len(pieces) == 20
        assert "".join(pieces).startswith("应建立设备台账。[1]")
        whole = await model.complete([Message("system", EVIDENCE), *ASK])
        assert whole.text == "".join(pieces)
        assert whole.usage.completion_tokens == 20
        assert not whole.truncated
        assert (await model.complete(ASK)).text != whole.text
        assert await model.check() == ["fake"]


@pytest.mark.parametrize("tokens", [1, 7, 220])
async def test_fake_answers_are_exactly_as_long_as_asked(tokens: int) -> None:
    async with FakeEndpoint(tokens=tokens) as fake, endpoint(fake.base_url) as model:
        assert len(await collect(model)) == tokens
    async with FakeEndpoint(tokens=tokens) as fake, endpoint(fake.base_url, max_tokens=5) as model:
        assert (await model.complete(ASK)).truncated is (tokens > 5)


async def test_request_carries_settings_and_key() -> None:
    extra = {"chat_template_kwargs": {"enable_thinking": False}, "max_tokens": None, "stream": "not ours to change"}
    async with FakeEndpoint(behaviour="echo") as fake, endpoint(fake.base_url, extra_body=extra) as model:
        assert (await model.complete([Message("user", "半个\ud83d表情")])).text.startswith("半个?表情")
        sent = fake.requests[-1]
        assert (sent["model"], sent["temperature"], sent["stream"]) == ("fake", 0.0, True)
        assert sent["chat_template_kwargs"] == {"enable_thinking": False}
        assert "max_tokens" not in sent
        assert KEY not in repr(model.config)


@pytest.mark.parametrize("stream_tools", [False, True])
async def test_tools_are_called_and_their_results_answered(stream_tools: bool) -> None:
    async with FakeEndpoint() as fake, endpoint(fake.base_url, stream_tools=stream_tools, strict_tools=True) as model:
        asked = [Message("user", "用 get_clause 查 TISC")]
        (request,) = (await model.complete(asked, tools=TOOLS)).tool_requests
        assert (request.name, request.arguments) == ("get_clause", {"query": "用 get_clause 查 TISC"})
        assert fake.requests[-1]["tools"][0]["function"]["strict"] is True
        turn = [*asked, Message("assistant", "", (request,)), Message("tool", EVIDENCE, tool_call_id=request.id)]
        answer = await model.complete(turn, tools=TOOLS)
        assert answer.tool_requests == ()
        assert "[1]" in answer.text


async def test_schema_gives_json() -> None:
    async with FakeEndpoint() as fake, endpoint(fake.base_url) as model:
        assert set(json.loads((await model.complete(ASK, schema=SCHEMA)).text)) == {"text", "marks"}
        assert fake.requests[-1]["response_format"]["json_schema"]["schema"] == SCHEMA


async def test_schema_falls_back_to_the_prompt_once_and_remembers() -> None:
    fenced = "好的：\n```json\n" + json.dumps({"text": "行\n内", "marks": [1]}).replace("\\n", "\n") + "\n```"
    async with FakeEndpoint(behaviour="no_schema") as fake, endpoint(fake.base_url) as model:
        with pytest.raises(ModelUnavailable, match="没有按要求输出 JSON"):
            await model.complete([Message("user", "[1, 2]")], schema=SCHEMA)
        for served in (4, 5):
            answer = await model.complete([Message("user", fenced)], schema=SCHEMA)
            assert json.loads(answer.text) == {"text": "行\n内", "marks": [1]}
            assert "JSON Schema" in fake.requests[-1]["messages"][0]["content"]
            assert fake.served == served


async def test_a_refusal_that_is_not_about_the_schema_is_reported() -> None:
    async with (
        raw(b"HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 8\r\n\r\ntoo long", content_type="") as url,
        endpoint(url) as model,
    ):
        for _ in range(2):
            with pytest.raises(ModelUnavailable, match="too long") as caught:
                await model.complete(ASK, schema=SCHEMA)
            check_fault(caught.value, "http_status")


CHAT_FAILURES: list[tuple[Behaviour, str, str]] = [
    ("refuse", "refused", "连不上"),
    ("die", "died", "断开"),
    ("truncated", "died", "中途断了"),
    ("invalid_json", "garbage", "JSON"),
    ("html", "garbage", "text/html"),
    ("wrong_type", "garbage", "octet-stream"),
    ("error_object", "garbage", "CUDA out of memory"),
    ("error_event", "garbage", "EngineCore died"),
    ("empty", "garbage", "没有给出内容"),
    ("endless", "garbage", "仍未结束"),
    ("hang", "timeout", "迟迟没有开始"),
    ("hang_midway", "timeout", "停住"),
    ("unavailable", "http_status", "503"),
    ("busy", "http_status", "429"),
]


@pytest.mark.parametrize(("behaviour", "kind", "says"), CHAT_FAILURES)
async def test_every_failure_is_typed_and_says_where_and_what_to_do(behaviour: Behaviour, kind: str, says: str) -> None:
    async with FakeEndpoint(behaviour=behaviour, failures=99) as fake:
        async with endpoint(fake.base_url, first_token_s=0.6, idle_s=0.4, max_characters=5000) as model:
            for call in (lambda: model.complete(ASK), lambda: collect(model)):
                with pytest.raises(ModelUnavailable, match=says) as caught:
                    await call()
                check_fault(caught.value, kind)
        await until(lambda: not fake.open)


@pytest.mark.parametrize("stream_tools", [False, True])
async def test_broken_tool_arguments(stream_tools: bool) -> None:
    async with FakeEndpoint(behaviour="bad_arguments") as fake, endpoint(fake.base_url, stream_tools=stream_tools) as model:
        with pytest.raises(ModelUnavailable, match="search_standards") as caught:
            await model.complete(ASK, tools=TOOLS)
        check_fault(caught.value, "garbage")


async def test_total_timeout_ends_a_stream_that_never_rests() -> None:
    async with FakeEndpoint(tokens=500, delay_s=0.01) as fake, endpoint(fake.base_url, total_s=0.2) as model:
        with pytest.raises(ModelUnavailable, match="总时限"):
            await collect(model)
        with pytest.raises(ModelUnavailable, match="总时限"):
            await model.complete(ASK)


async def test_text_written_before_the_failure_was_delivered() -> None:
    async with FakeEndpoint(behaviour="die") as fake, endpoint(fake.base_url) as model:
        stream = model.stream(ASK)
        assert all([await anext(stream) for _ in range(3)])
        with pytest.raises(ModelUnavailable):
            await anext(stream)
        assert fake.served == 1


@pytest.mark.parametrize("behaviour", ["busy", "unavailable"])
async def test_retries_before_the_first_byte(behaviour: Behaviour) -> None:
    async with FakeEndpoint(behaviour=behaviour, failures=2) as fake, endpoint(fake.base_url) as model:
        assert len(await collect(model)) == 20
        assert fake.served == 3
        fake.failures = 3
        with pytest.raises(ModelUnavailable):
            await collect(model)


@pytest.mark.parametrize(
    ("retry_after", "served", "least_s"),
    [("0.1", 2, 0.1), ("Wed, 21 Oct 2015 07:28:00 GMT", 2, 0), ("soon", 2, 0), ("3600", 1, 0), ("Wed, 21 Oct 2099 07:28:00 GMT", 1, 0)],
)
async def test_retry_after_is_kept_but_not_for_ever(retry_after: str, served: int, least_s: float) -> None:
    async with FakeEndpoint(behaviour="busy", retry_after=retry_after) as fake, endpoint(fake.base_url) as model:
        begun = time.monotonic()
        (outcome,) = await asyncio.gather(model.complete(ASK), return_exceptions=True)
        assert isinstance(outcome, ModelUnavailable) is (served == 1)
        assert fake.served == served
        assert time.monotonic() - begun >= least_s


async def test_client_errors_are_not_retried_and_hide_the_key() -> None:
    body = f'{{"error": {{"message": "Incorrect API key provided: {KEY}"}}}}'.encode()
    head = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    async with raw(head, content_type="") as url, endpoint(url) as model:
        for call in (lambda: collect(model), model.check):
            with pytest.raises(ModelUnavailable, match=r"密钥.*Incorrect API key provided: \*\*\*") as caught:
                await call()
            check_fault(caught.value, "http_status")
            assert caught.value.status == 401


@pytest.mark.parametrize("behaviour", ["hang", "hang_midway"])
async def test_cancelling_closes_the_connection_at_once(behaviour: Behaviour) -> None:
    async with FakeEndpoint(behaviour=behaviour) as fake, endpoint(fake.base_url) as model:
        for call in (lambda: collect(model), lambda: model.complete(ASK), lambda: model.complete(ASK, tools=TOOLS)):
            fake.abandoned = 0
            task: asyncio.Future[Any] = asyncio.ensure_future(call())
            await until(lambda: fake.open == 1)
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: fake.abandoned == 1 and fake.open == 0)


async def test_leaving_a_stream_early_closes_the_connection() -> None:
    async with FakeEndpoint(tokens=500, delay_s=0.01) as fake, endpoint(fake.base_url) as model:
        async with aclosing(model.stream(ASK)) as stream:
            async for _ in stream:
                break
        await until(lambda: fake.abandoned == 1)


TOKENS = [event({"content": "设备"}), event({"content": "联网"}, "stop")]
STREAM = b': ping\n\nevent: x\r\ndata:{"choices":\r\ndata: []}\r\n\r\n' + b"".join(TOKENS) + b"data: [DONE]"


def test_events_survive_a_cut_at_every_byte() -> None:
    wanted = [b'{"choices":\n[]}', *(token[6:-2] for token in TOKENS), b"[DONE]"]
    plain = STREAM.replace(b"\r\n", b"\n")
    for stream in (STREAM, b"\xef\xbb\xbf" + STREAM, plain, plain.replace(b"\n", b"\r\n"), plain.replace(b"\n", b"\r")):
        for cut in range(4, len(stream)):
            parser = EventParser()
            assert parser.feed(stream[:cut]) + parser.feed(stream[cut:]) + parser.flush() == wanted
    one = EventParser()
    assert [data for byte in STREAM.replace(b"\r\n", b"\r") for data in one.feed(bytes([byte]))] + one.flush() == wanted


FRAGMENTS = [
    event({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}}]}),
    event({"tool_calls": [{"index": 1, "id": "", "function": {"name": "g", "arguments": ""}}]}),
    event({"tool_calls": [{"index": 0, "function": {"arguments": ': "设备"}'}}]}),
    event({}, "stop"),
]


async def test_tool_fragments_are_put_together_by_their_index() -> None:
    async with raw(*FRAGMENTS) as url, endpoint(url, stream_tools=True) as model:
        assert (await model.complete(ASK, tools=TOOLS)).tool_requests == (
            ToolRequest("a", "f", {"x": "设备"}),
            ToolRequest("call_1", "g", {}),
        )


async def test_lenient_where_nothing_is_lost() -> None:
    """No final blank line, no [DONE], reasoning first, or a JSON answer to a request for a stream."""
    async with raw(STREAM[:30], STREAM[30:]) as url, endpoint(url) as model:
        assert await collect(model) == ["设备", "联网"]
    async with raw(event({"content": "好"}, "stop")) as url, endpoint(url) as model:
        assert await collect(model) == ["好"]
    async with (
        raw(b'{"choices": [{"message": {"content": "\xe5\xa5\xbd"}}]}', content_type="application/json") as url,
        endpoint(url) as model,
    ):
        assert await collect(model) == ["好"]
    async with FakeEndpoint(behaviour="thinking") as fake, endpoint(fake.base_url) as model:
        assert len(await collect(model)) == 20


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
RAW_FAILURES: list[tuple[list[bytes], str, str]] = [
    ([], "text/event-stream", "died"),
    ([event({"content": "好"}), b"data: [DONE]\n\n"], "text/event-stream", "died"),
    ([event({}, "tool_calls"), b"data: [DONE]\n\n"], "text/event-stream", "garbage"),
    ([event({"content": 5}, "stop")], "text/event-stream", "garbage"),
    ([event({"tool_calls": [{"index": 0, "function": {"name": 7, "arguments": []}}]}, "stop")], "text/event-stream", "garbage"),
    ([b"data: \xff\n\n"], "text/event-stream", "garbage"),
    ([b"data: 5\n\n"], "text/event-stream", "garbage"),
    ([b"data: " + b"x" * (5 << 20)], "text/event-stream", "garbage"),
    ([b"[" * 100_000], "application/json", "garbage"),
    ([b'{"choices": [{"message": {"content": null}, "finish_reason": "length"}]}'], "application/json", "garbage"),
    ([b"x" * (17 << 20)], "application/json", "garbage"),
    ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], "", "garbage"),
    ([HEAD, b"zz\r\nbad chunk size"], "", "timeout"),  # aiohttp closes the socket and tells nobody; the timeout ends it
    ([HEAD, b"fff\r\ndata: "], "", "died"),
    ([b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"], "", "http_status"),
    ([b"HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\n<b>\xff</b>"], "", "http_status"),
]


@pytest.mark.parametrize(("writes", "content_type", "kind"), RAW_FAILURES)
async def test_garbage_on_the_wire(writes: list[bytes], content_type: str, kind: str) -> None:
    async with raw(*writes, content_type=content_type) as url, endpoint(url, first_token_s=0.5) as model:
        with pytest.raises(ModelUnavailable) as caught:
            await collect(model)
        check_fault(caught.value, kind)
        with pytest.raises(ModelUnavailable):
            await model.check()


async def test_pings_do_not_keep_a_silent_stream_alive() -> None:
    async with raw(event({"content": "好"}), *[b": ping\n\n"] * 300) as url, endpoint(url, idle_s=0.1) as model:
        with pytest.raises(ModelUnavailable, match="停住"):
            await collect(model)


async def test_connections_are_kept_and_many_run_at_once() -> None:
    async with FakeEndpoint() as fake, endpoint(fake.base_url) as model:
        for _ in range(5):
            await collect(model)
        assert len(fake.clients) == 1
        assert all(len(pieces) == 20 for pieces in await asyncio.gather(*(collect(model) for _ in range(120))))


def test_requests_fit_the_strictest_templates() -> None:
    call, lost = ToolRequest("1", "f", {"x": "设备"}), ToolRequest("2", "g", {})
    messages = [
        Message("assistant", "您好"), Message("user", "甲"), Message("system", "规则一"), Message("user", "乙"),
        Message("assistant", "", (call, lost)), Message("tool", "结果", tool_call_id="1"), Message("tool", "孤儿", tool_call_id="9"),
        Message("system", "规则二"), Message("assistant", ""), Message("assistant", "丙"), Message("assistant", "丁"),
    ]  # fmt: skip
    wire = normalise(messages)
    assert wire[0] == {"role": "system", "content": "规则一\n\n规则二"}
    assert [m["role"] for m in wire[1:]] == ["user", "assistant", "user", "assistant", "tool", "assistant", "user", "assistant", "user"]
    assert (wire[3]["content"], wire[8]["content"]) == ("甲\n\n乙", "丙\n\n丁")
    assert [c["id"] for c in wire[4]["tool_calls"]] == ["1"]
    assert json.loads(wire[4]["tool_calls"][0]["function"]["arguments"]) == {"x": "设备"}
    assert normalise([Message("system", "只有规则")]) == [{"role": "user", "content": "只有规则"}]


@pytest.mark.parametrize("wrong", [{"base_url": "127.0.0.1:8000"}, {"base_url": "http://u:p@h/v1"}, {"api_key": "a\nb"}, {"retries": 3}])
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EndpointConfig.model_validate({"base_url": "http://127.0.0.1/v1", "model": "m", **wrong})


async def test_the_fake_satisfies_the_official_client() -> None:
    from openai import AsyncOpenAI

    async with FakeEndpoint(tokens=9) as fake, AsyncOpenAI(base_url=fake.base_url, api_key="x") as client:
        asked: Any = [{"role": "user", "content": "你好"}]
        stream = await client.chat.completions.create(model="fake", messages=asked, stream=True)
        assert len([c async for c in stream if c.choices[0].delta.content]) == 9
        whole = await client.chat.completions.create(model="fake", messages=asked, tools=TOOLS)  # type: ignore[arg-type]
        assert whole.choices[0].message.tool_calls
        vectors = [row.embedding for row in (await client.embeddings.create(model="fake", input=["设备台账", "设备台账", "排产"])).data]
        assert vectors[0] == pytest.approx(vectors[1])
        assert vectors[0] != vectors[2]
        ranked: Any = await client.post(
            "/rerank", body={"query": "设备点检", "documents": ["排产", "设备台账", "设备点检表"]}, cast_to=object
        )
        assert [row["index"] for row in ranked["results"]] == [2, 1, 0]
