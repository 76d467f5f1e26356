"""``steelyard cache``: where answers that were paid for are kept, how many, and how to clear them."""

from __future__ import annotations

import argparse

from steelyard.printing import say


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "cache",
        help="show or clear the answers kept across runs",
        description="Answers of hosted models are kept across runs, so that the same request is "
        "paid once. STEELYARD_ANSWER_CACHE names another file, or is 'off'.",
    )
    verb.add_argument("--clear", action="store_true", help="remove every answer")
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Print path, entries and size."""
    from steelyard.model.answer_cache import cache
    from steelyard.words import counted

    state = cache(clear=args.clear)
    if state.path is None:
        say("the answer cache is off (STEELYARD_ANSWER_CACHE)")
        return 0
    size, most = state.bytes / 1e6, state.most_bytes / 1e6
    say(f"{state.path}\n{counted(state.entries, 'answer')}, {size:,.1f} of {most:,.0f} MB")
    return 0
