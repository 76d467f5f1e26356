"""``steelyard ask PATH TEXT``: put one question to a saved arm."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from steelyard.cli.options import file_path
from steelyard.cli.trust import add_trust
from steelyard.printing import say, say_json

if TYPE_CHECKING:
    from steelyard.strategy.asking import PassageSource, Sources
    from steelyard.strategy.base import Arm

_MOST_SHOWN = 10


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser("ask", help="put one input to the winner of a run")
    verb.add_argument(
        "path", metavar="PATH", type=file_path, help="a run folder, or the winner/ in it"
    )
    verb.add_argument("text", metavar="TEXT", help="the input to answer")
    verb.add_argument(
        "--json", action="store_true", help="print the answer and its sources as JSON on stdout"
    )
    add_trust(verb)
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Print the arm's answer, and the documents that it cites."""
    from steelyard.errors import DataError
    from steelyard.strategy.asking import ask
    from steelyard.strategy.saved import load

    if not args.text.strip():
        raise DataError("the input to answer is empty: give its text after the folder")
    arm = load(args.path)
    reply = ask(arm, args.text)
    if args.json:
        say_json(_facts(arm, reply.output, reply.sources))
        return 0
    say(reply.output)
    for line in sources_lines(reply.sources):
        say(line)
    return 0


def _facts(arm: Arm, output: str, sources: Sources) -> dict[str, Any]:
    return {
        "arm": arm.name,
        "model": arm.model_name,
        "output": output,
        "cites": sources.cites,
        "sources": [source._asdict() for source in sources.passages],
        "made_up": sources.made_up,
    }


def sources_lines(sources: Sources) -> Iterator[str]:
    """The passages that an answer cites; of one that cites none those that were in its prompt."""
    from steelyard.words import counted

    if not sources.passages and not sources.made_up:
        return
    lines = sources.cited or sources.passages[:_MOST_SHOWN]
    head = "sources:"
    if not sources.cited:
        none = "it cites none" if sources.cites else "it is not asked to cite"
        head = f"in the prompt ({none}):"
    yield ""
    if lines:
        yield head
        yield from (f"  [{source.number}] {_place(source)}" for source in lines)
    if (more := len(sources.passages) - len(lines)) > 0 and not sources.cited:
        yield f"  and {counted(more, 'more passage')}: see --json"
    if sources.made_up:
        yield f"left out: {counted(sources.made_up, 'citation')} of no passage"


def _place(source: PassageSource) -> str:
    """A passage's document, page, heading and characters, on one line."""
    from steelyard.words import one_line

    place = "" if source.start is None else f"characters {source.start:,} to {source.end:,}"
    page = "" if source.page is None else f"page {source.page}"
    return one_line(", ".join(filter(None, (source.document, page, source.heading, place))), 200)
