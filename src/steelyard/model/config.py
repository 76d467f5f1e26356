"""Which models a task uses, as written in ``task.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain, count
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import (
    Discriminator,
    PositiveFloat,
    PositiveInt,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from steelyard.config.section import Name, Section
from steelyard.errors import ConfigError, closest
from steelyard.families import PROVIDERS
from steelyard.model.base import ModelProvider, ModelSpec, check_base_url
from steelyard.model.sent_along import check_body, check_headers
from steelyard.packaged import packaged

EMBEDDED = "smollm2-135m"
ENDPOINT = "openai"
"""The kind of model that the providers in ``data/endpoints.yaml`` serve."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def endpoints() -> Mapping[str, Mapping[str, Any]]:
    """The providers known by name with an OpenAI-compatible endpoint; see ``data/endpoints.yaml``."""
    by_name: Mapping[str, Mapping[str, Any]] = packaged("model/data/endpoints.yaml")
    return by_name


def spec_in_option(value: Any, where: str, words: str) -> ModelSpec:
    """Read the model that an option names, which may also be one of ``words`` (``auto or none``).

    Raises `ConfigError`, in one line that begins with ``where``.
    """
    if not isinstance(value, str | Mapping) or value == "":
        raise ConfigError(f"{where} must be a model, {words}, got {value!r}")
    try:
        return ModelSpec(**ModelConfig.model_validate(value).to_spec())
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{where}: {message}") from None


def provider_named(name: str) -> ModelProvider:
    """Return the provider of that name, or that of an endpoint known by it."""
    provider: ModelProvider = PROVIDERS.get(ENDPOINT if name in endpoints() else name)
    return provider


class ModelConfig(Section):
    """How to build the model. The key itself is never stored, only its environment variable.

    ``max_in_flight`` bounds how many requests a hosted model is sent at once; ``batch`` asks through
    the provider's batch interface; ``timeout_seconds`` is how long one answer may take (120). ``redact``
    replaces private values in what is sent. ``tag``
    is what its arms are called by among those of other models; left out, it is made of the name.
    ``extra_body`` is merged over the body of every request to an endpoint, ``extra_headers`` are sent
    with it; a header takes a secret from the environment, by ``${NAME}``.
    """

    provider: str = "embedded"
    name: Name = EMBEDDED
    base_url: str | None = None
    api_key_env: str | None = None
    max_in_flight: PositiveInt | None = None
    batch: bool = False
    timeout_seconds: PositiveFloat | None = None
    tag: str | None = None
    redact: bool = False
    extra_body: dict[str, Any] | None = None
    extra_headers: dict[str, str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return parse_model(value) if isinstance(value, str) else value

    @field_validator("provider")
    @classmethod
    def _known_provider(cls, provider: str) -> str:
        every = list(dict.fromkeys([*PROVIDERS, *endpoints()]))
        if provider not in every:
            listing = ", ".join(every)
            raise ValueError(
                f"unknown provider {provider!r}{closest(provider, every)}; known: {listing}"
            )
        return provider

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, base_url: str | None) -> str | None:
        if base_url is None:
            return None
        if (wrong := wrong_address(base_url)) is not None:
            raise ValueError(f"base_url {wrong}")
        try:
            check_base_url(base_url)
            return chat_base(base_url)
        except ConfigError as error:
            raise ValueError(str(error)) from None

    @field_validator("api_key_env")
    @classmethod
    def _variable_name(cls, name: str | None) -> str | None:
        if name is not None and not _VARIABLE.fullmatch(name):
            raise ValueError("api_key_env takes the NAME of an environment variable, not the key")
        return name

    @field_validator("tag")
    @classmethod
    def _fit_for_folders(cls, tag: str | None) -> str | None:
        if tag is not None and not _TAG.fullmatch(tag):
            raise ValueError(
                f"tag {tag!r} may have up to 40 letters, digits, dots, dashes and underscores"
            )
        return tag

    @model_validator(mode="after")
    def _complete(self) -> ModelConfig:
        names = provider_named(self.provider).names
        if len(names) != 1 and "name" not in self.model_fields_set:
            raise ValueError(f"provider {self.provider} needs a name; add name: …")
        hint = endpoints().get(self.provider, {}).get("hint")
        if hint is not None and self.base_url is None:
            raise ValueError(f"provider {self.provider} needs your own base_url: {hint}")
        if self.batch:
            self._check_batch()
        if self.redact and provider_named(self.provider).is_local:
            raise ValueError(
                f"redact is for hosted models: what {self.provider} is asked stays on this machine"
            )
        self._check_name(names)
        self._check_extras()
        return self

    def _check_extras(self) -> None:
        if not self.extra_body and not self.extra_headers:
            return
        if provider_named(self.provider).is_local:
            key = "extra_body" if self.extra_body else "extra_headers"
            raise ValueError(
                f"{key} is sent to endpoints; {self.provider} runs on this machine: leave it out"
            )
        try:
            check_body(self.extra_body or {})
            check_headers(self.extra_headers or {})
        except ConfigError as error:
            raise ValueError(str(error)) from None

    def _check_name(self, names: tuple[str, ...]) -> None:
        provider = provider_named(self.provider)
        plain = self.name.partition("?")[0]  # options follow a question mark
        if names and plain not in names:
            hint, members = closest(plain, names), ", ".join(names)
            raise ValueError(f"unknown {self.provider} model {plain!r}{hint}; known: {members}")
        if provider.check_name is not None:
            try:
                provider.check_name(self.name)
            except ConfigError as error:
                raise ValueError(str(error)) from None

    def _check_batch(self) -> None:
        """Refuse ``batch`` where there is no such interface; a base_url of the user is trusted."""
        offered = [name for name, endpoint in endpoints().items() if "batch" in endpoint]
        if self.provider not in offered:
            raise ValueError(
                f"provider {self.provider} has no batch interface like OpenAI's; leave batch out "
                f"(providers with one: {', '.join(offered)})"
            )

    @property
    def may_be_folder(self) -> bool:
        return provider_named(self.provider).may_be_folder

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set, provider and name always."""
        unset: tuple[object, ...] = (None, False, {})
        return {key: value for key, value in self.model_dump().items() if value not in unset}

    def to_spec(self) -> dict[str, Any]:
        """Return what a `ModelSpec` takes: a provider known by name is resolved to its endpoint.

        ``openai`` keeps its address open, so that ``OPENAI_BASE_URL`` is respected.
        """
        spec = self.to_dict()
        spec.pop("tag", None)
        endpoint = endpoints().get(self.provider)
        if endpoint is None or self.provider == ENDPOINT:
            return spec
        defaults = {
            "base_url": endpoint.get("base_url"),
            "api_key_env": endpoint.get("key", ""),  # none: no key of another provider goes there
            "key_header": endpoint.get("key_header"),
            "max_in_flight": endpoint.get("in_flight"),
        }
        filled = {name: value for name, value in defaults.items() if value is not None}
        return {**filled, **spec, "provider": ENDPOINT}


_OTHER_INTERFACES = ("/completions", "/responses", "/messages", "/embeddings")


def wrong_address(base_url: str) -> str | None:
    """Say what is wrong with an endpoint's address; ``None`` where a request could go there."""
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not re.match(r"https?://\S+$", base_url, re.IGNORECASE) or not host or ".." in host:
        return "must start with http:// or https:// and name a host"
    try:
        is_port = parts.port != 0
    except ValueError:
        is_port = False
    port = parts.netloc.rpartition("@")[2].rpartition(":")[2]
    return None if is_port else f"has the port {port[:20]!r}: ports are numbers from 1 to 65535"


def chat_base(base_url: str) -> str:
    """Return an endpoint's address without the ``/chat/completions`` that a pasted one may end in.

    A query stays, the scheme is written small. Raises `ConfigError` for the address of another interface.
    """
    scheme, mark, rest = base_url.partition("://")
    base_url = f"{scheme.lower()}{mark}{rest}"
    parts = urlsplit(base_url)
    path = parts.path.rstrip("/")
    base = path.removesuffix("/chat/completions")
    other = next((end for end in _OTHER_INTERFACES if base.endswith(end)), None)
    if other is not None:
        raise ConfigError(
            f"base_url ends in {other}, and chat completions are asked: give the address before it, "
            f"…{base.removesuffix(other)[-20:]}"
        )
    return base_url if base == path else urlunsplit(parts._replace(path=base))


def _one_or_list(value: Any) -> str:
    """Tell one model from a list; the words in brackets are left out of error messages."""
    return "<list>" if isinstance(value, list | tuple) else "<one>"


ModelChoice = Annotated[
    Annotated[ModelConfig, Tag("<one>")] | Annotated[tuple[ModelConfig, ...], Tag("<list>")],
    Discriminator(_one_or_list),
]
"""The key ``model``: one model, or a list of them."""


def tags_of(models: Sequence[ModelConfig]) -> tuple[str, ...]:
    """Return a tag for each model: its own, or its short name; none twice, in any case of letters.

    A model keeps its tag when others are added after it. Raises `ValueError` for a tag given twice.
    """
    chosen_tags = [model.tag for model in models if model.tag is not None]
    used_tags = {tag.casefold() for tag in chosen_tags}
    if len(used_tags) < len(chosen_tags):
        raise ValueError(
            f"two models have the same tag ({', '.join(chosen_tags)}); give each its own"
        )
    tags: list[str] = []
    for model in models:
        tag = model.tag or _free_tag(model, used_tags)
        used_tags.add(tag.casefold())
        tags.append(tag)
    return tuple(tags)


def _free_tag(model: ModelConfig, used_tags: set[str]) -> str:
    short = re.split(r"[/\\]", model.name.partition("?")[0].rstrip("/\\"))[-1]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", short).strip("-._")[:40] or model.provider
    numbered = (f"{name}-{number}" for number in count(2))
    every = chain((name, f"{name}-{model.provider}"), numbered)
    return next(tag for tag in every if tag.casefold() not in used_tags)


def parse_model(text: str) -> dict[str, str]:
    """Turn ``hf:NAME`` and its kin into ``{provider, name}``; anything else raises `ValueError`."""
    provider, colon, name = text.strip().partition(":")
    if not colon:
        for member in PROVIDERS:
            if PROVIDERS.get(member).form == provider:
                return {"provider": member, "name": provider}
        meant = with_provider(provider)
        hint = f" (did you mean {meant!r}?)" if meant else closest(provider, [EMBEDDED])
        raise ValueError(f"unknown model {text!r}{hint}; use one of: {_forms()}")
    if not name.strip():
        raise ValueError(f"model {text!r} has no name after the colon; use one of: {_forms()}")
    return {"provider": provider, "name": name.strip()}


def _forms() -> str:
    return ", ".join([*(PROVIDERS.get(member).form for member in PROVIDERS), "groq:NAME, …"])


def with_provider(name: str) -> str | None:
    """A bare name with the provider that has it, or whose names begin so, or are like folders."""
    for provider in PROVIDERS:
        facts = PROVIDERS.get(provider)
        if name in facts.names or ("/" in name and facts.may_be_folder):
            return f"{provider}:{name}"
    prefixes = (
        (provider, prefix)
        for provider, endpoint in endpoints().items()
        for prefix in endpoint.get("names", ())
    )
    return next(
        (f"{provider}:{name}" for provider, prefix in prefixes if name.lower().startswith(prefix)),
        None,
    )
