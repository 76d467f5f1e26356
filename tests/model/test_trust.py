"""A key goes to its vendor, or where the user agreed that it goes, and nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from steelyard.errors import ConfigError, CredentialError, UntrustedKeyError
from steelyard.model import ModelSpec, load_model
from steelyard.model.config import ModelConfig, endpoints
from steelyard.model.hosted.address import NO_KEY, Address, read_key
from steelyard.model.trust import agree, agreed_uses, is_agreed, key_use, origin_of, trust_path
from tests.model.endpoint import error, serving, stream

KEY = "sk-secret-0123456789abcdef"


@pytest.fixture(autouse=True)
def trust_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config" / "trust"
    monkeypatch.setenv("STEELYARD_TRUST_FILE", str(path))
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "MY_KEY"):
        monkeypatch.setenv(variable, KEY)
    return path


@pytest.mark.parametrize(
    "name", sorted(name for name, each in endpoints().items() if "key" in each)
)
def test_every_vendor_gets_its_own_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(endpoints()[name]["key"], KEY)
    given = {"provider": name, "name": "m"}
    if "hint" in endpoints()[name]:
        given["base_url"] = "https://mine-1.openai.azure.com/openai/v1"
    assert read_key(ModelSpec(**ModelConfig.model_validate(given).to_spec())) == KEY


@pytest.mark.parametrize(
    ("variable", "base_url"),
    [
        ("AWS_SECRET_ACCESS_KEY", "http://evil.test/v1"),
        ("AWS_SECRET_ACCESS_KEY", "https://api.openai.com/v1"),
        ("ANTHROPIC_API_KEY", "https://api.openai.com/v1"),
        ("OPENAI_API_KEY", "https://api.anthropic.com/v1"),
        ("OPENAI_API_KEY", "http://api.openai.com/v1"),
        ("OPENAI_API_KEY", "https://api.openai.com:8443/v1"),
        ("OPENAI_API_KEY", "https://api.openai.com.evil.test/v1"),
        ("OPENAI_API_KEY", "https://api.openai.com./v1"),
        ("OPENAI_API_KEY", "https://evil.test/api.openai.com/v1"),
        ("OPENAI_API_KEY", "https://api.openai.com%2eevil.test/v1"),
        ("OPENAI_API_KEY", "https://api.openai.com\\.evil.test/v1"),
        ("OPENAI_API_KEY", "https://api.openai.com\t.evil.test/v1"),
        ("OPENAI_API_KEY", "https://аpi.openai.com/v1"),
        ("OPENAI_API_KEY", "http://127.0.0.1:8000/v1"),
        ("OPENAI_API_KEY", "http://localhost:8000/v1"),
        ("OPENAI_API_KEY", "http://[::1]:8000/v1"),
        ("AZURE_OPENAI_API_KEY", "https://evil.test/.openai.azure.com/v1"),
        ("AZURE_OPENAI_API_KEY", "https://x.openai.azure.com.evil.test/v1"),
        ("AZURE_OPENAI_API_KEY", "https://a.b.openai.azure.com/v1"),
        ("AZURE_OPENAI_API_KEY", "http://mine.openai.azure.com/v1"),
    ],
)
def test_a_key_that_is_named_goes_nowhere_else(
    variable: str, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, KEY)
    spec = ModelSpec("openai", "m", base_url, api_key_env=variable)
    with pytest.raises(UntrustedKeyError, match=f"{variable} would be sent to http") as caught:
        load_model(spec)
    assert KEY not in str(caught.value) and str(caught.value).isascii()
    with pytest.raises(UntrustedKeyError):
        load_model(ModelSpec("openai", "m", base_url, api_key_env=variable, batch=True))
    agree(key_use(caught.value.variable, caught.value.origin))
    assert read_key(spec) == KEY


def test_openais_key_stays_at_home_where_it_is_not_named() -> None:
    with serving(lambda request, _: stream("ok")) as endpoint:
        model = load_model(ModelSpec("openai", "m", endpoint.base_url))
        assert Address(ModelSpec("openai", "m", endpoint.base_url)).headers == {
            "Authorization": f"Bearer {NO_KEY}"
        }
    del model


def test_an_endpoint_that_wants_a_key_is_told_from_one_that_refuses_it() -> None:
    from steelyard.core import Message, Request

    with serving(lambda request, _: error(401, "no key")) as endpoint:
        model = load_model(ModelSpec("openai", "m", endpoint.base_url))
        with pytest.raises(CredentialError, match=r"none was sent.*under model\.api_key_env"):
            model.generate([Request((Message("user", "hi"),))])
    assert endpoint.keys == [f"Bearer {NO_KEY}"]


def test_the_address_in_the_environment_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.corp.test:8443/openai/v1")
    assert read_key(ModelSpec("openai", "m")) == KEY
    assert read_key(ModelSpec("openai", "m", "https://gateway.corp.test:8443/v2")) == KEY
    for base_url, variable in (
        ("https://gateway.corp.test/v1", "OPENAI_API_KEY"),
        ("https://gateway.corp.test:8443/v1", "MY_KEY"),
    ):
        with pytest.raises(UntrustedKeyError):
            read_key(ModelSpec("openai", "m", base_url, api_key_env=variable))


def test_what_is_agreed_is_remembered_by_origin(trust_file: Path) -> None:
    assert trust_path() == trust_file
    assert agreed_uses() == set()
    agree(key_use("MY_KEY", "https://Gateway.test:443/v1"))
    agree(key_use("MY_KEY", "https://gateway.test/other"))
    agree(key_use("MY_KEY", "http://[::1]:8000/v1"))
    lines = trust_file.read_text().splitlines()
    assert lines[0].startswith("#")
    assert lines[1:] == ["MY_KEY http://[::1]:8000", "MY_KEY https://gateway.test"]
    assert stat.S_IMODE(trust_file.stat().st_mode) == 0o600
    assert is_agreed(key_use("MY_KEY", "https://gateway.test/v3"))
    assert not is_agreed(key_use("MY_KEY", "http://gateway.test/v3"))
    assert not is_agreed(key_use("OPENAI_API_KEY", "https://gateway.test/v3"))


@pytest.mark.parametrize(
    "text", ["MY_KEY\n", "MY_KEY gateway.test\n", "a b c\n", "\0", b"\xff\xfe"]
)
def test_a_spoilt_trust_file_trusts_nobody(text: str | bytes, trust_file: Path) -> None:
    trust_file.parent.mkdir()
    trust_file.write_bytes(text if isinstance(text, bytes) else text.encode())
    trust_file.chmod(0o600)
    with pytest.raises(ConfigError, match="remove it"):
        read_key(ModelSpec("openai", "m", "https://x.test", api_key_env="MY_KEY"))


def test_a_trust_file_that_others_may_change_is_not_used(trust_file: Path) -> None:
    agree(key_use("MY_KEY", "https://gateway.test"))
    trust_file.chmod(0o666)
    with pytest.raises(ConfigError, match="others may write"):
        read_key(ModelSpec("openai", "m", "https://gateway.test", api_key_env="MY_KEY"))


def test_the_file_is_in_the_users_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STEELYARD_TRUST_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert trust_path() == tmp_path / "steelyard" / "trust"


@pytest.mark.parametrize(
    "base_url",
    [
        "https://user:word@a.test/v1",
        "https://word@a.test/v1",
        "https://@a.test/v1",
        "https://a.test/v1?api_key=word",
        "https://a.test/v1?api-version=1&key=word",
        "https://a.test/v1?word",
        "https://a.test/v1?=word",
        "https://a.test/v1?&word",
        "https://a.test/v1#word",
        "https://user:word@a.test:port/v1",
    ],
)
def test_an_address_carries_no_credentials(base_url: str) -> None:
    with pytest.raises(ConfigError) as direct:
        ModelSpec("openai", "m", base_url)
    with pytest.raises(ConfigError) as saved:
        ModelSpec.from_dict({"provider": "openai", "name": "m", "base_url": base_url})
    with pytest.raises(ValueError, match="base_url") as written:
        ModelConfig(provider="openai", name="m", base_url=base_url)
    assert "word" not in f"{direct.value}{saved.value}".replace("password", "")
    assert "word" not in str(written.value.errors()[0]["msg"]).replace("password", "")  # type: ignore[attr-defined]


def test_a_version_of_the_interface_is_no_credential() -> None:
    base_url = "https://mine.openai.azure.com/openai/deployments/m?api-version=2024-10-21"
    assert ModelSpec("openai", "m", base_url).base_url == base_url
    assert origin_of(base_url) == "https://mine.openai.azure.com"
