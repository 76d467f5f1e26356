"""What is sent along with every request: part of the model, and without secrets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from steelyard.core import Message, Request
from steelyard.errors import ConfigError, CredentialError, UntrustedKeyError
from steelyard.model import ModelSpec
from steelyard.model.config import ModelConfig
from steelyard.model.hosted.address import hosted_fingerprint, read_fingerprint
from steelyard.model.hosted.client import HostedModel, HostedOptions
from steelyard.model.hosted.refusals import Retries
from steelyard.model.trust import agree, key_use
from tests.model.endpoint import error, serving, stream


@pytest.fixture(autouse=True)
def _trust(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STEELYARD_TRUST_FILE", str(tmp_path / "trust"))


HI = Request((Message("user", "hi"),), temperature=0.0)
SECRET = "org-0123456789-secret"


def config(base_url: str = "http://127.0.0.1:9/v1", **fields: Any) -> ModelConfig:
    return ModelConfig.model_validate(
        {"provider": "openai", "name": "m", "base_url": base_url, **fields}
    )


def spec(base_url: str, **fields: Any) -> ModelSpec:
    return ModelSpec(**config(base_url, **fields).to_spec())


def test_both_are_sent_with_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG", SECRET)
    written = yaml.safe_load(
        """
        extra_body:
          {reasoning_effort: low, top_k: 5, temperature: 0.3, chat_template_kwargs: {enable_thinking: false}}
        extra_headers: {X-Org: "${ORG}", X-Title: weighing, X-Both: "a-${ORG}-$ORG"}
        """
    )
    with serving(lambda *_: stream("ok")) as endpoint:
        with pytest.raises(UntrustedKeyError, match="ORG"):
            HostedModel(spec(endpoint.base_url, **written))
        agree(key_use("ORG", endpoint.base_url))
        model = HostedModel(spec(endpoint.base_url, **written))
        model.generate([HI, replace(HI, seed=1)])
    for sent, headers in zip(endpoint.requests, endpoint.headers, strict=True):
        assert sent["reasoning_effort"] == "low"
        assert sent["chat_template_kwargs"] == {"enable_thinking": False}
        assert (sent["top_k"], sent["temperature"]) == (5, 0.3)
        assert headers["X-Org"] == SECRET
        assert (headers["X-Title"], headers["X-Both"]) == ("weighing", f"a-{SECRET}-{SECRET}")
    assert '"reasoning_effort":"low"' in model.sent_text(HI)


def test_they_belong_to_the_models_identity() -> None:
    plain = spec("http://a.test/v1")
    specs = [
        plain,
        spec("http://a.test/v1", extra_body={"reasoning_effort": "low"}),
        spec("http://a.test/v1", extra_body={"reasoning_effort": "high"}),
        spec("http://a.test/v1", extra_headers={"X-Route": "a"}),
        spec("http://a.test/v1", extra_headers={"X-Route": "b"}),
    ]
    assert len({each.account for each in specs}) == len(set(specs)) == 5
    assert spec("http://a.test/v1", extra_body={}, extra_headers={}) == plain
    for each in specs:
        assert ModelSpec.from_dict(each.to_dict()) == each
        read = read_fingerprint(hosted_fingerprint(replace(each, batch=True)))
        assert read == replace(plain, batch=True)


def test_a_secret_is_in_nothing_that_is_kept_or_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG", SECRET)
    with serving(lambda *_: error(400, f"unknown organisation {SECRET}")) as endpoint:
        agree(key_use("ORG", endpoint.base_url))
        asked = spec(endpoint.base_url, extra_headers={"X-Org": "${ORG}"})
        options = HostedOptions(retries=Retries(0), patience=9)
        model = HostedModel(asked, options)
        [done] = model.generate([HI])
    assert done is not None
    assert "unknown organisation ***" in str(done.failure)
    assert SECRET not in repr((asked.to_dict(), model.fingerprint, model, model.learned, done))


def test_the_variables_that_a_model_sends_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"X-Org": "${ORG}", "X-Two": "$ORG/$OTHER", "X-Plain": "US$5"}
    assert spec("http://a.test/v1", extra_headers=headers).secret_variables == (
        "OPENAI_API_KEY",
        "ORG",
        "OTHER",
    )
    own = spec("http://a.test/v1", api_key_env="MY_KEY", extra_headers=headers)
    assert own.secret_variables == ("MY_KEY", "ORG", "OTHER")
    assert ModelSpec("embedded", "smollm2-135m").secret_variables == ()
    monkeypatch.delenv("ORG", raising=False)
    agree(key_use("ORG", "http://a.test"))
    agree(key_use("OTHER", "http://a.test"))
    with pytest.raises(CredentialError, match="header X-Org: set the environment variable ORG"):
        HostedModel(spec("http://a.test/v1", extra_headers=headers))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"extra_body": {"messages": []}}, "may not set messages"),
        ({"extra_body": {"model": "x"}}, "may not set model"),
        ({"extra_body": {"stream": False}}, "may not set stream"),
        ({"extra_body": {"n": 3}}, "may not set n"),
        ({"extra_body": {"max_tokens": 3}}, "use max_output_tokens"),
        ({"extra_body": yaml.safe_load("{since: 2024-01-01}")}, "since is a date"),
        ({"extra_body": {"x": float("nan")}}, "x is a float"),
        ({"extra_body": {"api_key": "x"}}, "looks like a secret"),
        ({"extra_body": {"a": {"b": "sk-0123456789abcdef"}}}, "looks like a secret"),
        ({"extra_body": ["a"]}, "extra_body"),
        ({"extra_headers": {"Authorization": "Bearer ${X}"}}, "use api_key_env"),
        ({"extra_headers": {"API-Key": "${X}"}}, "use api_key_env"),
        ({"extra_headers": {"x-api-key": "${X}"}}, "use api_key_env"),
        ({"extra_headers": {"Host": "a"}}, "set for each request"),
        ({"extra_headers": {"X-Token": "abc"}}, "write X-Token"),
        ({"extra_headers": {"Cookie": "abc"}}, "may be a secret"),
        ({"extra_headers": {"X-Org": "sk-0123456789abcdef"}}, "may be a secret"),
        ({"extra_headers": {"X-Org": "0123456789abcdef0123456789abcdef"}}, "may be a secret"),
        ({"extra_headers": {"X Org": "a"}}, "no name of a header"),
        ({"extra_headers": {"X-Org": "a\r\nX-Other: b"}}, "characters no header has"),
        ({"extra_headers": {"X-Org": "ü"}}, "characters no header has"),
        (
            {
                "provider": "embedded",
                "name": "smollm2-135m",
                "base_url": None,
                "extra_body": {"a": 1},
            },
            "this machine",
        ),
        (
            {"provider": "hf", "name": "x", "base_url": None, "extra_headers": {"X-A": "1"}},
            "this machine",
        ),
    ],
)
def test_what_may_not_be_sent_along(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        config(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"extra_body": {"messages": []}},
        {"extra_headers": {"Authorization": "Bearer ${X}"}},
        {"extra_headers": {"X-Org": "a\r\nX-Other: b"}},
    ],
)
def test_a_saved_model_is_checked_too(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        HostedModel(ModelSpec("openai", "m", "http://127.0.0.1:9/v1", **fields))


def test_what_a_header_is_set_to_makes_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    routed = spec("http://127.0.0.1:9/v1", extra_headers={"X-Route": "${ROUTE}"})
    prints = []
    for route in ("eu", "us", "eu"):
        monkeypatch.setenv("ROUTE", route)
        prints.append(hosted_fingerprint(routed))
        assert route not in prints[-1].partition("extra=")[2]
    assert prints[0] == prints[2] != prints[1]
    monkeypatch.delenv("ROUTE")
    assert hosted_fingerprint(routed) not in prints


@pytest.mark.parametrize(
    ("header", "variable", "value"),
    [
        ("X-Session", "WHERE", "abc"),
        ("X-Route", "ROUTE_TOKEN", "abc"),
        ("X-Route", "ROUTE", "sk-0123456789abcdefghij"),
    ],
)
def test_a_credential_in_a_header_leaves_no_trace(
    header: str, variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed = spec("http://127.0.0.1:9/v1", extra_headers={header: f"${{{variable}}}"})
    without = hosted_fingerprint(keyed)
    monkeypatch.setenv(variable, value)
    assert hosted_fingerprint(keyed) == without
