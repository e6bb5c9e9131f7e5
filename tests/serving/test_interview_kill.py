"""A process that is killed in the middle of an interview loses no answer: the next one goes on where it stopped."""

import itertools
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from .test_process import product

ANSWERS = ("我们上了MES", "车间通了网", "统一了物料编码", "有防火墙", "组织过培训", "有报表", "大部分设备联网", "成立了信息部")


def answer_until_it_dies(url: str, interview: str, acknowledged: list[str]) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        for number in itertools.count():
            text = f"{ANSWERS[number % len(ANSWERS)]}，第{number}次说"
            try:
                answer = client.post(f"/v1/interviews/{interview}/answers", json={"text": text})
            except httpx.HTTPError:
                return
            if answer.status_code == 200:
                acknowledged.append(text)


def test_a_kill_in_mid_interview_loses_no_answer(own_home: Path) -> None:
    acknowledged: list[str] = []
    with product(own_home) as (server, url):
        begun = httpx.post(f"{url}/v1/interviews", json={"name": "临江精塑制品有限公司"}, trust_env=False, timeout=60).json()
        interview = begun["interview"]["id"]
        answering = threading.Thread(target=answer_until_it_dies, args=(url, interview, acknowledged))
        answering.start()
        until = time.monotonic() + 60
        while len(acknowledged) < 6 and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(server.pid, signal.SIGKILL)
        answering.join(30)
    assert len(acknowledged) >= 6

    with product(own_home) as (_, url), httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        now: dict[str, Any] = client.post(f"/v1/interviews/{interview}/resume").json()["interview"]
        events = client.get(f"/v1/interviews/{interview}/events").json()["events"]
        said = [each["payload"]["text"] for each in events if each["kind"] == "said"]
        # at most the one that was on its way is there beyond what was acknowledged, and it is understood too
        assert said[: len(acknowledged)] == acknowledged
        assert len(said) <= len(acknowledged) + 1
        numbers = {each["seq"] for each in events if each["kind"] == "said"}
        assert {each["payload"]["said"] for each in events if each["kind"] == "understood"} == numbers
        assert [each["seq"] for each in events] == list(range(1, len(events) + 1))
        ratings = client.get(f"/v1/enterprises/{now['enterprise']}/ratings").json()["ratings"]
        assert {each["id"] for each in ratings} == {each["rating"] for each in now["proposals"]}
        assert {"生产制造系统", "网络与算力", "数据标准与质量"} <= {each["item"] for each in now["proposals"]}
        assert now["question"] is not None
