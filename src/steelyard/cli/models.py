"""``steelyard models``: which kinds of model there are, and what is missing to use them."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from steelyard.printing import say


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser("models", help="list the kinds of model and what they need")
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Print two lines for each kind of model, and one for each endpoint known by name."""
    from steelyard.families import PROVIDERS
    from steelyard.model.config import ENDPOINT, endpoints

    for name in PROVIDERS:
        provider = PROVIDERS.get(name)
        say(f"{provider.form:<17}{provider.about}\n{'':<17}{_state(name)}")
    say(f"\nendpoints known by name, used like {ENDPOINT}:NAME")
    named = {name: endpoint for name, endpoint in endpoints().items() if name != ENDPOINT}
    for name, endpoint in named.items():
        key = f"key from {endpoint['key']}" if "key" in endpoint else "no key needed"
        place = endpoint.get("base_url", f"base_url: {endpoint.get('hint')}")
        say(f"{name + ':NAME':<17}{endpoint['title']}: {place}, {key}")
    return 0


def _state(name: str) -> str:
    """Say whether a kind of model can be used as things stand, or what is missing."""
    from steelyard.errors import CredentialError
    from steelyard.families import PROVIDERS
    from steelyard.model import ModelSpec

    provider = PROVIDERS.get(name)
    missing = [module for module in provider.modules if find_spec(module) is None]
    if missing:
        return f"missing {', '.join(missing)}: {provider.install}"
    try:  # an endpoint of one's own may need no key
        if provider.check_key is not None:
            provider.check_key(ModelSpec(name, "NAME"))
    except CredentialError:
        return f"needs {provider.key_env} in the environment"
    return "ready"
