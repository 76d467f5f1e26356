"""Asking whether a key may go to an address, once: ``--trust``, or a question at a terminal."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from steelyard.errors import UntrustedKeyError
from steelyard.printing import say

T = TypeVar("T")


def add_trust(verb: argparse.ArgumentParser) -> None:
    """Add ``--trust``."""
    verb.add_argument(
        "--trust",
        action="store_true",
        help="agree that the keys named go to the addresses named, and remember it",
    )


def agreeing(call: Callable[[], T], *, trust: bool) -> T:
    """Call again as often as the user agrees to what a key is refused for."""
    while True:
        try:
            return call()
        except UntrustedKeyError as error:
            settle(error, trust=trust)


def settle(error: UntrustedKeyError, *, trust: bool) -> None:
    """Remember the pair if the user agrees, else raise ``error``."""
    from steelyard.model.trust import KeyUse, agree, trust_path

    if not (trust or _asked(error)):
        raise error
    agree(KeyUse(error.variable, error.origin))
    say(f"{error.variable} may go to {error.origin} from now on ({trust_path()})", file=sys.stderr)


def _asked(error: UntrustedKeyError) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    say(
        f"Send the key in {error.variable} to {error.origin}? [y/N] ",
        end="",
        file=sys.stderr,
    )
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def advice(argv: Sequence[str]) -> str:
    """The command that agrees, for an error that nobody was there to settle."""
    return f"steelyard {shlex.join([*argv, '--trust'])}"
