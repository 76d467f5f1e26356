"""Which model a task uses, as written in ``task.yaml``."""

from __future__ import annotations

import re
from typing import Any

from pydantic import field_validator, model_validator

from steelyard.errors import closest
from steelyard.task.sections import Name, Section

EMBEDDED = "smollm2-135m"
PROVIDERS = ("embedded", "hf", "openai", "fake")
FORMS = f"{EMBEDDED}, hf:NAME-OR-PATH, openai:NAME, fake:NAME"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ModelConfig(Section):
    """How to build the model. The key itself is never stored, only its environment variable."""

    provider: str = "embedded"
    name: Name = EMBEDDED
    base_url: str | None = None
    api_key_env: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return parse_model(value) if isinstance(value, str) else value

    @field_validator("provider")
    @classmethod
    def _known_provider(cls, provider: str) -> str:
        if provider not in PROVIDERS:
            known = ", ".join(PROVIDERS)
            raise ValueError(
                f"unknown provider {provider!r}{closest(provider, PROVIDERS)}; known: {known}"
            )
        return provider

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, base_url: str | None) -> str | None:
        if base_url is not None and not re.match(r"https?://\S+$", base_url):
            raise ValueError("base_url must start with http:// or https://")
        return base_url

    @field_validator("api_key_env")
    @classmethod
    def _variable_name(cls, name: str | None) -> str | None:
        if name is not None and not _VARIABLE.fullmatch(name):
            raise ValueError("api_key_env takes the NAME of an environment variable, not the key")
        return name

    @model_validator(mode="after")
    def _complete(self) -> ModelConfig:
        if self.provider != "embedded" and "name" not in self.model_fields_set:
            raise ValueError(f"provider {self.provider} needs a name: add name: …")
        if self.provider == "embedded" and self.name != EMBEDDED:
            raise ValueError(f"the embedded model is {EMBEDDED}, not {self.name!r}; use: {FORMS}")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set, provider and name always."""
        return self.model_dump(exclude_none=True)


def parse_model(text: str) -> dict[str, str]:
    """Turn ``hf:NAME`` and its kin into ``{provider, name}``; anything else raises `ValueError`."""
    provider, colon, name = text.strip().partition(":")
    if not colon:
        if provider == EMBEDDED:
            return {"provider": "embedded", "name": EMBEDDED}
        hint = closest(provider, [EMBEDDED])
        raise ValueError(f"unknown model {text!r}{hint}; use one of: {FORMS}")
    if not name.strip():
        raise ValueError(f"model {text!r} has no name after the colon; use one of: {FORMS}")
    return {"provider": provider, "name": name.strip()}
