"""A diagnosis from the command line alone: an interview, its confirmation, its result, and the report out of the enterprise's file."""

from pathlib import Path

from .command import at_home, shuzhi


def test_from_the_first_words_to_the_report(own_home: Path) -> None:
    with at_home(own_home):
        begun = shuzhi("interview", "start", "临江精塑制品有限公司", "--json").json
        interview, file = begun["interview"]["id"], begun["interview"]["enterprise"]
        said = "我们是做注塑的，120人，用了用友ERP，质检靠人看，成立了信息部，组织过培训"
        assert shuzhi("interview", "answer", interview, said).code == 0
        before = shuzhi("enterprises", "show", file, "--json").json["profile"]
        assert before["employees"] is None
        shown = shuzhi("interview", "confirm", interview, "--json").json["interview"]
        assert {each["state"] for each in shown["proposals"]} == {"confirmed"}
        after = shuzhi("enterprises", "show", file, "--json").json["profile"]
        assert after["employees"] == 120
        assert after["pain_points"]
        assert shuzhi("interview", "finish", interview).code == 0
        report = shuzhi("tools", "run", "write_report", "--args", f'{{"enterprise": "{file}"}}', "--json").json
        assert report["data"]["status"] == "草稿"
        assert [each["kind"] for each in shuzhi("artifacts", "list", "--json").json["artifacts"]] == ["diagnosis"] * 3
