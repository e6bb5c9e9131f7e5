"""Enterprise files over HTTP and from the command line."""

from pathlib import Path

import pytest

from .command import at_home, shuzhi
from .test_api import problem
from .town import Town

RATING = {
    "assessment": "TISC-A2",
    "version": "2026-01",
    "item": "设备联网",
    "value": "二级",
    "evidence": "三台机床连上了网。",
    "source": "访谈",
    "respondent": "王工",
}


@pytest.mark.asyncio(loop_scope="session")
async def test_a_file_from_the_first_contact_to_a_confirmed_rating(town: Town) -> None:
    async with town.client("anna") as anna, town.client("oskar") as oskar, town.client("eve") as eve:
        made = (await anna.post("/v1/enterprises", json={"profile": {"name": "太仓锻压厂", "industry_code": "C33"}})).json()
        file = f"/v1/enterprises/{made['id']}"
        change = {"version": 1, "profile": {"employees": 40, "revenue": "900万元"}, "because": {"why": "年报", "source": "document:年报"}}
        changed = (await anna.patch(file, json=change)).json()
        assert (changed["version"], changed["size"]["value"]) == (2, "小型")
        problem(await anna.patch(file, json=change), 409)
        listed = (await oskar.get("/v1/enterprises", params={"text": "锻压", "size": "小型"})).json()["enterprises"]
        assert [each["id"] for each in listed] == [made["id"]]
        for path, content in {
            "contacts": {"name": "王工", "phone": "13800001234"},
            "needs": {"title": "排产"},
            "opportunities": {"title": "MES"},
            "touches": {"on": "2026-03-01", "channel": "线上"},
            "services": {"title": "诊断", "on": "2026-03-01"},
            "assessments": {"assessment": "JSSF", "version": "2025", "on": "2026-03-01", "level": "先进"},
        }.items():
            added = await anna.post(f"{file}/{path}", json={"content": content})
            assert added.status_code == 201, added.text
            assert len((await oskar.get(f"{file}/{path}")).json()[path]) == 1
        rating = (await anna.post(f"{file}/ratings", json={"content": RATING})).json()
        decision = {"decision": "confirm", "version": 1}
        problem(await anna.post(f"{file}/ratings/{rating['id']}", json=decision), 403)
        assert (await oskar.get(f"{file}/ratings", params={"facts": True})).json()["ratings"] == []
        assert (await oskar.post(f"{file}/ratings/{rating['id']}", json=decision)).json()["content"]["state"] == "confirmed"
        assert len((await oskar.get(f"{file}/ratings", params={"facts": True})).json()["ratings"]) == 1
        assert len((await oskar.get(f"{file}/history")).json()["history"]) == 10
        assert [
            each["touch"]["alert"] for each in (await oskar.get("/v1/enterprises/alerts")).json()["alerts"] if each["name"] == "太仓锻压厂"
        ]
        assert (await oskar.get("/v1/enterprises/funnel")).json()["stages"][0]["reached"] >= 1
        for path in ("", "/history", "/contacts", "/ratings", "/touches"):
            absent = await eve.get(f"/v1/enterprises/{'0' * 32}{path}")
            foreign = await eve.get(f"{file}{path}")
            assert (foreign.status_code, foreign.json()["error"]["type"]) == (absent.status_code, absent.json()["error"]["type"])
            problem(foreign, 404)
        problem(await eve.get("/v1/enterprises", params={"after": made["id"]}), 404)
        problem(await eve.post("/v1/enterprises/merge", json={"undo": made["id"], "because": {"why": "x"}}), 404)


@pytest.mark.asyncio(loop_scope="session")
async def test_tables_over_http(town: Town) -> None:
    async with town.client("oskar") as oskar, town.client("anna") as anna:
        template = await oskar.get("/v1/enterprises/template")
        assert template.content[:2] == b"PK"
        assert (await oskar.get("/v1/enterprises/export", params={"text": "没有这家"})).content[:2] == b"PK"
        problem(await oskar.post("/v1/enterprises/import", files={"file": ("a.xlsx", b"PK")}), 422)
        problem(await oskar.post("/v1/enterprises/import", files={"file": ("a.xlsx", b"0" * 20_001)}), 413)
        problem(await anna.post("/v1/enterprises/import", files={"file": ("a.xlsx", template.content)}), 403)
        problem(await oskar.get("/v1/enterprises", params={"limit": "many"}), 422)
        problem(await oskar.get("/v1/enterprises", params={"text": "长" * 300}), 422)


def test_commands(own_home: Path, tmp_path: Path) -> None:
    """Without a running instance: the stores are opened for each."""
    with at_home(own_home):
        fields = ("--set", "employees=40", "--set", 'pain_points=["停机多"]', "--set", "industry_code=C33")
        made = shuzhi("enterprises", "create", "太仓锻压厂", *fields, "--json")
        assert made.code == 0, made
        file = made.json["id"]
        assert shuzhi("enterprises", "update", file, "--set", "employees=50", "--json").json["error"]["detail"][0]["where"] == "why"
        changed = shuzhi("enterprises", "update", file, "--set", "employees=50", "--why", "年报", "--json")
        assert (changed.json["version"], changed.json["profile"]["employees"]) == (2, 50)
        found = shuzhi("enterprises", "list", "锻压", "--filter", "industry=C", "--json")
        assert [each["id"] for each in found.json["enterprises"]] == [file]
        assert "停机多" in shuzhi("enterprises", "show", file).out
        assert [each["why"] for each in shuzhi("enterprises", "history", file, "--json").json["history"]] == ["年报", ""]
        out = tmp_path / "out.xlsx"
        assert shuzhi("enterprises", "export", str(out)).code == 0
        report = shuzhi("enterprises", "import", str(out), "--json").json
        assert (report["created"], report["unchanged"]) == (0, 1)
        assert shuzhi("enterprises", "segments", "--json").json["segments"]["demand"] == {"生产制造": 1}
        other = shuzhi("enterprises", "create", "太仓锻压有限公司", "--json").json["id"]
        assert len(shuzhi("enterprises", "merge", "--json").json["duplicates"]) == 1
        event = shuzhi("enterprises", "merge", file, other, "--why", "同一家", "--json").json["event"]
        assert shuzhi("enterprises", "merge", "--undo", event, "--why", "不是", "--json").json == {"undone": event}
        missing = shuzhi("enterprises", "show", "0" * 32, "--json")
        assert (missing.code, missing.json["error"]["type"]) == (2, "NotFound")
        assert shuzhi("enterprises", "list", "--filter", "x", "--json").code == 2
