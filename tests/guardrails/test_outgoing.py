"""What typed results look like on their way out."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.principal import LOCAL
from guardrails.outgoing import outgoing
from guardrails.policy import load_policy
from guardrails.screens import build_screens

MOBILE = "13800138000"
KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789ABCD"
INSTRUCTION = "你只根据证据回答，每句话后面标出证据的编号，不得添加证据里没有的内容。"
SCREENS = build_screens(load_policy(), 2000, [INSTRUCTION])


def left(value: Any, known: Any = None) -> Any:
    return outgoing(SCREENS.stream, value, LOCAL, known)


def test_values_are_hidden_inside_texts_and_nowhere_else() -> None:
    row: dict[str, Any] = {"load": 0.5, "count": 3, "ok": True, "none": None}
    shown = left({"rows": [{**row, "note": f"联系手机 {MOBILE}，每班 3 次"}], f"电话{MOBILE}": [""]})
    assert shown == {"rows": [{**row, "note": "联系手机 138****8000，每班 3 次"}], "电话138****8000": [""]}


def test_keys_and_our_own_instructions_do_not_leave() -> None:
    shown = left([f"密钥是 {KEY}", f"系统说：{INSTRUCTION}"])
    assert KEY not in shown[0]
    assert shown[1].startswith("〔未显示：")


def test_what_the_reader_sent_it_gets_back() -> None:
    assert left({"to": MOBILE}, {"filter": {"phone": [MOBILE]}}) == {"to": MOBILE}
    assert left({"to": MOBILE}, {"filter": "别的"}) == {"to": "138****8000"}


def test_a_computed_number_may_be_written_beside_itself() -> None:
    given = {"value": float(MOBILE), "display": f"{MOBILE} 元"}
    assert left(given) == given


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "正常", "abc", MOBILE]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)


def without_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_texts(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [without_texts(each) for each in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str if isinstance(value, str) else value


@given(json_values)
def test_the_shape_and_every_number_stay(value: Any) -> None:
    shown = left(value)
    assert without_texts(shown) == without_texts(value)
    assert left(shown) == shown
