"""The protocols that models keep, the spec one is built from, its place in a run, and its provider."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable
from urllib.parse import parse_qsl, urlsplit

from steelyard.config.records import read_as
from steelyard.core import Completion, Message, Request
from steelyard.errors import BudgetError, ConfigError, ModelError
from steelyard.families import PROVIDERS
from steelyard.model.provider_facts import CountTokens, LocalTokenizer, Pace
from steelyard.model.sent_along import header_variables, settings_digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OnDone = Callable[[Sequence[tuple[int, Completion]]], None]
"""Called with ``(index, completion)`` pairs as each batch ends, before the next one begins."""


_FREE_QUERY = frozenset({"api-version"})
"""What an address may carry after a question mark; anything else may be a credential."""


def check_base_url(base_url: str | None) -> None:
    """Refuse an address that carries a credential, for addresses are shown and stored.

    Raises `ConfigError`, without the address. A secret in the path cannot be told from a name.
    """
    if base_url is None:
        return
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:
        raise ConfigError(
            "base_url is not an address: http:// or https://, host and port"
        ) from None
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if parts.query and not names:
        names = ["query"]
    if "@" in parts.netloc:
        what = "a user and password"
    elif not _FREE_QUERY.issuperset(names):
        what = "more than api-version behind the question mark"
    elif parts.fragment:
        what = "a part behind #"
    else:
        return
    raise ConfigError(
        f"base_url carries {what}, which would be stored with the run: put the key into an environment "
        "variable and name that under api_key_env"
    )


@dataclass(frozen=True)
class ModelSpec:
    """How to build a model: plain data, saved with every arm.

    ``provider`` is a name in `PROVIDERS`; ``name`` is the provider's model name or a local folder.
    ``adapter`` is a folder with what tuning changed, LoRA weights or all of them, or ``None``;
    ``tuned_from`` the model that a tuned one with a name of its own was made of.
    The key itself is never stored, only the name of its environment variable; it travels as a bearer
    token unless ``key_header`` names another header. ``max_in_flight`` bounds requests at once.
    ``batch`` asks through the provider's batch interface: cheaper, and within a day.
    ``timeout_seconds`` is how long one answer may take. ``redact`` keeps private values out of what is
    sent. ``extra_body`` and ``extra_headers`` are sent along with every request; headers take secrets
    from the environment by ``${NAME}``. An address with a credential in it raises `ConfigError`.
    """

    provider: str
    name: str
    base_url: str | None = None
    api_key_env: str | None = None
    adapter: str | None = None
    key_header: str | None = None
    max_in_flight: int | None = None
    batch: bool = False
    timeout_seconds: float | None = None
    tuned_from: ModelSpec | None = None
    redact: bool = False
    extra_body: Mapping[str, Any] | None = field(default=None, hash=False)
    extra_headers: Mapping[str, str] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        check_base_url(self.base_url)

    @property
    def secret_variables(self) -> tuple[str, ...]:
        """The environment variables whose values are sent to the model's address."""
        key = provider_of(self).key_env if self.api_key_env is None else self.api_key_env
        return tuple(dict.fromkeys([*filter(None, [key]), *header_variables(self.extra_headers)]))

    @property
    def extras_digest(self) -> str:
        """A short digest of what is sent along with every request; empty where that is nothing.

        Variables' values are in it, but for credentials (`settings_digest`).
        """
        if not self.extra_body and not self.extra_headers:
            return ""
        extras: list[Mapping[str, Any]] = [self.extra_body or {}, self.extra_headers or {}]
        if settings := settings_digest(self.extra_headers):
            extras.append(settings)
        return hashlib.sha256(json.dumps(extras, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def base(self) -> ModelSpec:
        """The model that this one was made of by tuning; itself where it is not tuned."""
        return replace(self, adapter=None) if self.tuned_from is None else self.tuned_from.base

    @property
    def tuned_key(self) -> str:
        """The name under which the user gives the price of all models tuned from one."""
        return f"ft:{self.base.name}"

    @property
    def account(self) -> str:
        """What accounts call the model; needs no key.

        Models on this machine are paid by its time, tuned or not, and go by their base. A hosted one
        goes by its fingerprint: two endpoints may serve models of one name, at two prices.
        """
        provider = provider_of(self)
        return provider.account(self.base if provider.is_local else self)

    @property
    def unpaced(self) -> ModelSpec:
        """The same model without how fast it is asked, which decides no answer."""
        return replace(self, max_in_flight=None, timeout_seconds=None)

    def to_dict(self) -> dict[str, Any]:
        fields = {key: value for key, value in asdict(self).items() if value not in (None, False)}
        if self.tuned_from is not None:
            fields["tuned_from"] = self.tuned_from.to_dict()
        return fields

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> ModelSpec:
        """Build a spec from what `to_dict` made of it. Raises `ValueError` for anything else."""
        spec: ModelSpec = read_as(cls, saved, "model")
        return spec


def sampling_seed(request: Request) -> int:
    """The seed of a request's own random numbers, in [0, 2**63).

    It is made of the request's seed, nonce and messages: the same request gives the same sample in
    any batch, another nonce gives another one.
    """
    conversation = "\0".join(f"{role}\0{content}" for role, content in request.messages)
    text = f"{request.seed}\0{request.nonce}\0{conversation}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class TextStates(NamedTuple):
    """Unit vectors of texts, (n texts, width): ``cut`` of them were read in part, ``weights`` made them."""

    vectors: NDArray[np.float32]
    cut: int
    weights: str


class Model(Protocol):
    """A chat model. Implementations never raise for one bad request: they return its failure.

    Inherit from it: what it has a default for may be left out.
    """

    @property
    def name(self) -> str:
        """The name shown to people."""
        ...

    @property
    def fingerprint(self) -> str:
        """Everything that decides an answer besides the request (weights, precision), as a short text."""
        ...

    @property
    def local(self) -> bool:
        """Whether it runs on this machine (paid by machine hours rather than tokens)."""
        ...

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        """Answer ``requests``; the result has the same length and order.

        ``skip`` names indices that are already answered: they shape the plan (shared prefix, batches),
        so that a resumed run computes exactly what an undisturbed one does, but they are not asked and
        their place in the result is ``None``. ``on_done`` receives each finished batch.
        """
        ...

    def count_tokens(self, text: str) -> int | None:
        """Tokens of ``text`` by the model's own tokenizer, or ``None`` when it is not known here."""
        ...

    def count_chats(
        self, prompts: Sequence[tuple[Message, ...]], answers: Sequence[str]
    ) -> Sequence[int] | None:
        """Tokens of each chat with its answer and the end of the turn, as the template writes them.

        ``None`` where the template is not known here.
        """
        return None

    def states(self, texts: Sequence[str], max_tokens: int) -> TextStates:
        """Read texts without answering: the mean of each one's last hidden states over its tokens.

        The end of a text of more than ``max_tokens`` is not read. Raises `ModelError` where the network
        is not on this machine.
        """
        raise ModelError(
            f"the model {self.name} shows no hidden states: only a network on this machine does; "
            "choose the states of the encoder"
        )

    def release(self) -> None:
        """Free what it holds of this machine's memory; where it can, it is built again at the next call."""
        return

    @property
    def notes(self) -> tuple[str, ...]:
        """What people must know of the answers so far, such as parameters that were refused."""
        return ()

    @property
    def facts(self) -> Mapping[str, Any]:
        """What people must know of how it answers, such as ``precision``."""
        return {}


class WrappedModel(Model):
    """A model that asks ``inner``, and is called as it is."""

    @property
    def inner(self) -> Model:
        """The model that is asked."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def fingerprint(self) -> str:
        return self.inner.fingerprint

    @property
    def local(self) -> bool:
        return self.inner.local

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.inner.facts

    def count_tokens(self, text: str) -> int | None:
        return self.inner.count_tokens(text)

    def count_chats(
        self, prompts: Sequence[tuple[Message, ...]], answers: Sequence[str]
    ) -> Sequence[int] | None:
        return self.inner.count_chats(prompts, answers)

    def states(self, texts: Sequence[str], max_tokens: int) -> TextStates:
        return self.inner.states(texts, max_tokens)


class Meter(Protocol):
    """The money that one model may spend. Safe to use from any thread."""

    def reserve(self, request: Request) -> Literal["go", "wait", "stop"]:
        """Set aside the most that ``request`` can cost.

        ``wait``: not before what is set aside for others is settled. ``stop``: never.
        """
        ...

    def owe(self, request: Request) -> None:
        """Set aside what ``request`` can cost whatever is left: it was sent before."""
        ...

    def settle(self, request: Request, completion: Completion | None) -> None:
        """Book what the answer really cost; ``None`` for a request that was never sent."""
        ...

    def over(self) -> BudgetError:
        """Return what to raise after ``stop``, when all that was sent is settled and delivered."""
        ...


@runtime_checkable
class PaidModel(Model, Protocol):
    """A model whose answers are paid for one by one, so that none is asked for twice.

    ``meter`` is asked before a request is sent, and its error raised; ``memory`` keeps what must be
    found again after a kill, as plain JSON. An answer may serve other runs: ``learned`` is what was
    found out about the endpoint, and with the request decides what is sent.
    """

    meter: Meter | None
    memory: MutableMapping[str, Any]
    learned: tuple[str, ...]

    def sent_text(self, request: Request) -> str:
        """Return what would be sent for ``request`` now, as canonical text."""
        ...


def _plain_account(spec: ModelSpec) -> str:
    """Options after a question mark are not part of a name."""
    return f"{spec.provider}:{spec.name.partition('?')[0]}"


@dataclass(frozen=True)
class ModelProvider:
    """One kind of model: how to build one, and what is known before it is built.

    ``form`` and ``about`` are how it is written in ``task.yaml`` and what it is; ``modules`` must be
    importable, else ``install`` says how to get them. ``names`` are the only model names there are
    (none: any). A local model is paid by machine hours rather than tokens.

    ``has_probabilities`` says whether an answer out of choices comes with their probabilities,
    ``may_be_folder`` whether a model's name may be a folder, ``has_simulated_time`` that its seconds
    are made up, ``is_slow`` that answers which reason take long; ``pace`` is assumed before a first run
    (``None``: unknown). ``check_name`` raises `ConfigError` for a name with options that it does not
    know. ``key_env`` is the environment variable that usually holds its key; ``check_key`` raises
    `CredentialError` where a model's key is missing. ``check_schema`` returns warnings about holding
    answers to a JSON schema, or raises `ConfigError`. ``count`` counts tokens without a model being
    built; ``tokenizer`` reads the model's own, or says why there is none; ``weights`` returns a folder
    or hub name with weights that can be tuned here.
    """

    load: Callable[[ModelSpec], Model]
    form: str
    about: str
    modules: tuple[str, ...] = ()
    install: str = ""
    names: tuple[str, ...] = ()
    is_local: bool = True
    has_probabilities: bool = True
    runs_on_gpu: bool = False
    may_be_folder: bool = False
    has_simulated_time: bool = False
    is_slow: bool = False
    pace: Pace | None = None
    account: Callable[[ModelSpec], str] = _plain_account
    check_name: Callable[[str], object] | None = None
    key_env: str = ""
    check_key: Callable[[ModelSpec], object] | None = None
    check_schema: Callable[[str], tuple[str, ...]] | None = None
    count: CountTokens | None = None
    tokenizer: Callable[[ModelSpec], LocalTokenizer | str] | None = None
    weights: Callable[[ModelSpec], str] | None = None

    @property
    def is_tunable(self) -> bool:
        return self.weights is not None


def provider_of(spec: ModelSpec) -> ModelProvider:
    """Return what is known of the model's provider; an unknown one raises `ConfigError`."""
    provider: ModelProvider = PROVIDERS.get(spec.provider)
    return provider
