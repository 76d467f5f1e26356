"""Where a hosted model answers, and the key that opens it, which is never said."""

from __future__ import annotations

from steelyard.model.base import ModelSpec
from steelyard.model.hosted.secrets import (
    DEFAULT_BASE_URL,
    endpoint,
    key_env,
    masker,
    read_key,
    shown_endpoint,
)

BATCHED = "|batch"
"""What the fingerprint of a model ends with that is asked through a batch interface."""


class Address:
    """One model at one endpoint. Raises `CredentialError` where its key is missing."""

    def __init__(self, spec: ModelSpec) -> None:
        self.model = spec.name
        self.key_env = key_env(spec)
        self.base_url = endpoint(spec)
        key = read_key(spec)
        self.mask = masker(key)
        self.header = (
            {spec.key_header: key} if spec.key_header else {"Authorization": f"Bearer {key}"}
        )

    @property
    def is_official(self) -> bool:
        """Whether this is OpenAI's own endpoint."""
        return self.base_url == DEFAULT_BASE_URL

    @property
    def fingerprint(self) -> str:
        """Provider, address and model name; what changes behind them cannot be seen from here."""
        return _fingerprint(self.base_url, self.model)

    def __str__(self) -> str:
        return f"the endpoint {shown_endpoint(self.base_url)} (model {self.model})"


def hosted_fingerprint(spec: ModelSpec) -> str:
    """Return the fingerprint that the model of ``spec`` will have; needs no key."""
    batch = BATCHED if spec.batch else ""
    return _fingerprint(endpoint(spec), spec.name) + batch


def read_fingerprint(fingerprint: str) -> tuple[str, bool] | None:
    """Return the address in a hosted model's fingerprint, and whether it is asked in batches."""
    provider, _, rest = fingerprint.partition("|")
    return (rest.partition("|")[0], rest.endswith(BATCHED)) if provider == "openai" else None


def _fingerprint(base_url: str, model: str) -> str:
    return f"openai|{shown_endpoint(base_url)}|{model}"
