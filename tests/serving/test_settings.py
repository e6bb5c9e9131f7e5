"""Settings: environment over `settings.yaml`, bad values named, an open door only with a key."""

import os
from pathlib import Path
from typing import Any

import pytest

from domain.errors import ConfigurationError, Problem
from serving.settings import load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No SHUZHI_ variable of the machine, and a home of one's own."""
    for name in [name for name in os.environ if name.startswith("SHUZHI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SHUZHI_HOME", str(tmp_path))
    return tmp_path


def refused(**given: object) -> Problem:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(**given)
    assert caught.value.exit_code == 2
    return caught.value.problem()


def test_defaults_run_on_a_laptop_without_a_network(clean: Path) -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.model, settings.vector_store.url) == ("127.0.0.1", 8000, None, "")
    assert settings.database == f"sqlite:///{clean / 'shuzhi.db'}"


def test_the_environment_wins_over_the_file_and_what_is_given_over_both(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean / "settings.yaml").write_text(
        "port: 9001\nlongest_question: 500\nmodel: {base_url: http://m/v1, model: qwen}\n", encoding="utf-8"
    )
    monkeypatch.setenv("SHUZHI_PORT", "9002")
    monkeypatch.setenv("SHUZHI_MODEL__MODEL", "glm")
    settings = load_settings()
    assert (settings.port, settings.longest_question) == (9002, 500)
    assert settings.model is not None
    assert (settings.model.base_url, settings.model.model) == ("http://m/v1", "glm")
    assert load_settings(port=9003).port == 9003


def test_the_file_is_read_from_the_home_that_is_used(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "settings.yaml").write_text("port: 9009\n", encoding="utf-8")
    assert load_settings(home=other).port == 9009
    assert load_settings().port == 8000


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("SHUZHI_PORT", "seventy", "SHUZHI_PORT"),
        ("SHUZHI_PORT", "70000", "SHUZHI_PORT"),
        ("SHUZHI_LANGUAGE", "fr", "SHUZHI_LANGUAGE"),
        ("SHUZHI_LOG_LEVEL", "loud", "SHUZHI_LOG_LEVEL"),
        ("SHUZHI_VECTOR_STORE__URI", "http://q", "SHUZHI_VECTOR_STORE__URI"),
        ("SHUZHI_MODEL__BASE_URL", "not-an-address", "SHUZHI_MODEL__BASE_URL"),
        ("SHUZHI_MODEL__BASE_URL", "http://user:pw@host/v1", "SHUZHI_MODEL__BASE_URL"),
    ],
)
def test_a_bad_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, where: str) -> None:
    monkeypatch.setenv("SHUZHI_MODEL__MODEL", "qwen") if "MODEL" in name else None
    monkeypatch.setenv(name, value)
    problem = refused()
    assert where in [detail.where for detail in problem.detail]
    assert all(detail.cure for detail in problem.detail)


def test_a_nested_setting_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUZHI_VECTOR_STORE", "http://qdrant:6333")
    assert "vector_store" in refused().detail[0].cure


@pytest.mark.parametrize(("text", "expected"), [("prot: 1\n", "SHUZHI_PROT"), ("- a\n", "settings.yaml"), ("a: [", "settings.yaml")])
def test_a_bad_file_is_named(clean: Path, text: str, expected: str) -> None:
    (clean / "settings.yaml").write_text(text, encoding="utf-8")
    assert expected in refused().detail[0].where


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_an_open_host_without_a_key_is_refused(host: str) -> None:
    assert f"SHUZHI_HOST={host}" in refused(host=host).detail[0].where
    assert load_settings(host=host, api_key="k" * 20).host == host


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUZHI_API_KEY", "sk-very-secret")
    settings = load_settings()
    assert "sk-very-secret" not in f"{settings!r}{settings}{settings.model_dump_json()}"


def test_accounts_are_as_good_as_a_key_for_an_open_host() -> None:
    assert load_settings(host="0.0.0.0", accounts=True).accounts


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_secrets_that_everybody_knows_are_refused_outside_development(host: str) -> None:
    oidc = {"issuer": "https://id.test", "client_id": "x", "client_secret": "ChangeMe", "redirect_uri": "https://z.test"}
    given = {"host": host, "api_key": "a-long-random-string", "vector_store": {"api_key": "secret"}, "access": {"oidc": oidc}}
    named = [detail.where for detail in refused(**given).detail]
    assert named == ["SHUZHI_API_KEY", "SHUZHI_ACCESS__OIDC__CLIENT_SECRET", "SHUZHI_VECTOR_STORE__API_KEY"]


def test_development_is_a_matter_of_this_machine() -> None:
    open_cookies = {"accounts": True, "access": {"secure_cookies": False}}
    assert load_settings(development=True, api_key="secret", **open_cookies).development
    assert refused(**open_cookies).detail[0].where == "SHUZHI_ACCESS__SECURE_COOKIES"
    assert refused(development=True, host="0.0.0.0", accounts=True).detail[0].where == "SHUZHI_DEVELOPMENT"


@pytest.mark.parametrize(
    ("changed", "where", "what"),
    [
        ({"audit": {"algorithm": "md5"}}, "SHUZHI_AUDIT__ALGORITHM", "sha256"),
        ({"sealing": {"algorithm": "des"}}, "SHUZHI_SEALING__ALGORITHM", "aes-256-gcm"),
        ({"sealing": {"keys": "a", "key_file": "b"}}, "SHUZHI_SEALING", "2 个"),
        ({"audit": {"key_command": ["a"], "key_file": "b"}}, "SHUZHI_AUDIT", "2 个"),
    ],
)
def test_wrong_audit_and_sealing_settings_are_named(tmp_path: Path, changed: dict[str, Any], where: str, what: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(home=tmp_path, **changed)
    [spot] = caught.value.detail
    assert (spot.where, what in spot.what) == (where, True)


def test_keys_are_shown_nowhere(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, sealing={"keys": "k1 c2VjcmV0"}, audit={"key_command": ["get", "c2VjcmV0"]})
    assert "c2VjcmV0" not in repr(settings)
