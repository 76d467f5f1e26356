"""The way to an endpoint: proxies, certificates and pasted addresses are understood, and named in errors."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from steelyard.core import Message, Request
from steelyard.errors import ConfigError, EndpointError
from steelyard.model import ModelSpec
from steelyard.model.config import ModelConfig
from steelyard.model.hosted.address import proxy_for
from steelyard.model.hosted.client import HostedModel, HostedOptions
from steelyard.model.hosted.refusals import Retries
from tests.model.endpoint import serving, stream

HI = [Request((Message("user", "hi"),))]
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def build(base_url: str) -> HostedModel:
    options = HostedOptions(retries=Retries(0, least_seconds=0.01))
    return HostedModel(ModelSpec("openai", "m", base_url), options)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate that nobody has signed but itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    made = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made, *names]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


def test_a_certificate_that_is_not_trusted_is_named_at_once(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with serving(lambda *_: stream("ok"), certificate) as endpoint:
        with pytest.raises(
            EndpointError, match=r"not trusted: self.signed.*SSL_CERT_FILE"
        ) as caught:
            build(endpoint.base_url).generate(HI)
        assert caught.value.is_final
        monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
        with pytest.raises(EndpointError, match=r"now /no/such/file\.pem, which is no file"):
            build(endpoint.base_url).generate(HI)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("cert.pem")))
        [done] = build(endpoint.base_url).generate(HI)
    assert done is not None
    assert done.text == "ok"


def test_tls_where_there_is_none_is_named() -> None:
    with serving(lambda *_: stream("ok")) as endpoint:
        model = build(endpoint.base_url.replace("http:", "https:"))
        with pytest.raises(EndpointError, match=r"does not speak TLS there.*try http://"):
            model.generate(HI)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_is_named_without_its_login(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://bob:hunter2@127.0.0.1:1")
    with pytest.raises(
        EndpointError, match=rf"through the proxy http://127.0.0.1:1 \({variable}\)"
    ) as e:
        build("http://model.test/v1").generate(HI)
    assert "hunter2" not in str(e.value)
    monkeypatch.setenv("NO_PROXY", "model.test")
    assert proxy_for("http://model.test/v1") is None


def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(
        ConfigError, match="ALL_PROXY names a proxy of a kind that is not supported"
    ):
        build("http://model.test/v1")


@pytest.mark.parametrize(
    ("pasted", "asked"),
    [
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("/v1?api-version=1", "/v1/chat/completions?api-version=1"),
        ("/v1/chat/completions?api-version=1", "/v1/chat/completions?api-version=1"),
        ("", "/chat/completions"),
    ],
)
def test_a_full_address_is_understood(
    pasted: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda *_: stream("ok")) as endpoint:
        base_url = endpoint.base_url.removesuffix("/v1") + pasted
        config = ModelConfig.model_validate(
            {"provider": "openai", "name": "m", "base_url": base_url}
        )
        HostedModel(ModelSpec(**config.to_spec())).generate(HI)
        monkeypatch.setenv("OPENAI_BASE_URL", base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        HostedModel(ModelSpec("openai", "m")).generate(HI)
    assert endpoint.paths == [asked, asked]


@pytest.mark.parametrize("end", ["completions", "responses", "messages", "embeddings"])
def test_the_address_of_another_interface_is_refused(end: str) -> None:
    with pytest.raises(ValueError, match=f"ends in /{end}.*give the address before it"):
        ModelConfig.model_validate(
            {"provider": "openai", "name": "m", "base_url": f"http://a.test/v1/{end}"}
        )
