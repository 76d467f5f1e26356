"""Keys and addresses: where a key comes from, and that neither shows a secret."""

from __future__ import annotations

import pytest

from steelyard.errors import ConfigError, CredentialError
from steelyard.model import ModelSpec, load_model
from steelyard.model.config import ModelConfig
from steelyard.model.hosted.address import (
    NO_KEY,
    address_setting,
    endpoint,
    read_key,
    without_secrets,
)
from steelyard.model.hosted.client import HostedModel


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def test_a_missing_key_is_named_before_anything_is_sent() -> None:
    with pytest.raises(CredentialError, match="environment variable OPENAI_API_KEY"):
        load_model(ModelSpec("openai", "small"))
    with pytest.raises(CredentialError, match="environment variable MY_KEY"):
        load_model(ModelSpec("openai", "small", "http://127.0.0.1:1/v1", api_key_env="MY_KEY"))


def test_a_key_that_no_header_can_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-“quoted”")
    with pytest.raises(CredentialError, match="copy it again") as caught:
        load_model(ModelSpec("openai", "small"))
    assert "quoted" not in str(caught.value)


def test_the_fingerprint_names_the_endpoint_and_no_secret() -> None:
    model = HostedModel(ModelSpec("openai", "small", "http://127.0.0.1:8080/v1/?api-version=2"))
    assert model.fingerprint == "openai|http://127.0.0.1:8080/v1|small"
    assert (model.name, model.local, model.count_tokens("text")) == ("small", False, None)


def test_no_key_of_another_provider_goes_to_a_server_of_your_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    config = ModelConfig.model_validate(
        {"provider": "vllm", "name": "m", "base_url": "http://127.0.0.1:9/v1"}
    )
    assert read_key(ModelSpec(**config.to_spec())) == NO_KEY


def test_logins_and_queries_of_addresses_are_not_said() -> None:
    text = "cannot connect to bob:hunter2@proxy.corp:3128 for http://a/v1?key=Q, ok"
    said = without_secrets(text)
    assert "hunter2" not in said
    assert "key=Q" not in said
    assert "proxy.corp:3128" in said


@pytest.mark.parametrize(
    ("base_url", "why"),
    [
        ("http://127.0.0.1:99999/v1", "has the port '99999': ports are numbers from 1 to 65535"),
        ("http://127.0.0.1:0/v1", "has the port '0'"),
        ("http://localhost:80a/v1", "has the port '80a'"),
        ("ftp://localhost/v1", "must start with http:// or https://"),
        ("http://", "name a host"),
        ("localhost:8000/v1", "must start with http:// or https://"),
    ],
)
def test_what_is_wrong_with_an_address(
    base_url: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="base_url") as caught:
        ModelConfig(provider="openai", name="m", base_url=base_url)
    assert why in str(caught.value)
    monkeypatch.setenv("OPENAI_BASE_URL", base_url)
    with pytest.raises(ConfigError, match=r"^the environment variable OPENAI_BASE_URL ") as refused:
        endpoint(ModelSpec("openai", "m"))
    assert why in str(refused.value)


def test_a_scheme_may_be_written_large() -> None:
    config = ModelConfig(provider="openai", name="m", base_url="HTTP://Example.test/v1/")
    assert config.base_url == "http://Example.test/v1/"
    assert endpoint(ModelSpec("openai", "m", "HTTPS://h/v1/chat/completions")) == "https://h/v1"


def test_an_error_names_where_the_address_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ModelSpec("openai", "m", "http://127.0.0.1:9/v1")
    assert address_setting(own) == "model.base_url in task.yaml"
    assert address_setting(ModelSpec("openai", "m")) == "model.base_url in task.yaml"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert address_setting(own) == "model.base_url in task.yaml"
    assert address_setting(ModelSpec("openai", "m")) == "the environment variable OPENAI_BASE_URL"
    assert HostedModel(ModelSpec("openai", "m")).fingerprint == "openai|http://127.0.0.1:9/v1|m"
