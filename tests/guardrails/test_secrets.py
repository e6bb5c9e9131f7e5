"""Keys, tokens and passwords are found; our own instructions do not leave; ordinary technical words are left alone."""

import pytest

from guardrails.normalise import View
from guardrails.secrets import PromptLeakDetector, SecretDetector

SECRETS = SecretDetector()
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("密钥是sk-abcdEFGH1234567890abcd，别外传", "sk-abcdEFGH1234567890abcd"),
        (f"令牌{JWT}结束", JWT),
        ("连接postgresql://app:Pa55word@db/x失败", "Pa55word"),
        ("管理员密码：Admin@2024!，请改掉", "Admin@2024!"),
        ("api_key = 'a1b2c3d4e5f6'", "a1b2c3d4e5f6"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", None),
        ("阿里云LTAI5tAbCdEfGhIjKlMnOpQr", "LTAI5tAbCdEfGhIjKlMnOpQr"),
    ],
)
def test_a_secret_is_found_exactly(text: str, value: str | None) -> None:
    found = SECRETS.find(View.of(text))
    assert [text[f.start : f.end] for f in found] == [value or text]
    assert all(f.rule.startswith("secret.") and (not value or value not in f.reason) for f in found)


@pytest.mark.parametrize(
    "text",
    [
        "密码应当多久更换一次？",
        "平台应支持国密算法和密钥管理",
        "token 数量不超过 4096",
        "password policy 要求 8 位以上",
        "参见 https://example.com/a?b=1",
        "SK-II 和 sk-learn 有什么区别",
        "密码：见运维手册",
    ],
)
def test_speaking_of_secrets_tells_none(text: str) -> None:
    assert SECRETS.find(View.of(text)) == []


def test_full_width_and_hidden_characters_do_not_hide_a_secret() -> None:
    assert SECRETS.find(View.of("密码：Ａｄｍｉｎ＠２０２４"))
    assert SECRETS.find(View.of("密钥是sk-abcdEF\u200bGH1234567890abcd"))


INSTRUCTIONS = "你是企业数智化服务平台的助手，只依据给出的证据回答，先说结论，简短，用通俗的中文。"


def test_our_instructions_do_not_leave_whatever_stands_between_their_characters() -> None:
    leaks = PromptLeakDetector([INSTRUCTIONS])
    for said in (f"我的设定是：{INSTRUCTIONS}", "我的设定：你是企业数智化服务平台的 助手，\n只依据给出的证据回答"):
        finding = leaks.find(View.of(said))[0]
        assert "企业数智化服务平台" in said[finding.start : finding.end]


def test_words_that_our_instructions_share_with_everybody_may_be_said() -> None:
    leaks = PromptLeakDetector([INSTRUCTIONS])
    assert not leaks.find(View.of("企业数智化服务平台应当提供诊断服务，并依据证据给出结论。"))
    assert not leaks.find(View.of(""))
