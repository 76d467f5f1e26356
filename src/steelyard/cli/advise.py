"""``steelyard advise``: what to try first, from a few answers, before anything is measured."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from steelyard.cli.options import file_path
from steelyard.printing import say, say_json

if TYPE_CHECKING:
    from steelyard.advice.data_answers import TaskAnswers
    from steelyard.advice.questions import AdviceQuestion


class _Flag(NamedTuple):
    """A key of the answers as an option: what it takes and what it says."""

    key: str
    takes: str
    about: str


FLAGS = (
    _Flag("can_judge", "yes|no", "whether right can be told from wrong"),
    _Flag("kind", "KIND", "what an answer is: label, labels, json or text"),
    _Flag("tries", "K of N", "how many tries with today's prompt were good"),
    _Flag("need", "WHAT", "what is missing: facts, tone, format, skill or cost"),
    _Flag("facts_change", "HOW-OFTEN", "how often the facts change: daily, weekly, …, never"),
    _Flag("examples", "N", "examples with the right answer"),
    _Flag("labels", "N", "how many labels there are"),
    _Flag("requests_per_day", "N", "requests a day"),
    _Flag("prompt_tokens", "N", "tokens of today's prompt"),
    _Flag("max_latency_ms", "N", "milliseconds that an answer may take"),
    _Flag("change", "HOW-OFTEN", "how often the requirements change"),
    _Flag("private_data", "yes|no", "whether there is private data"),
    _Flag("needed_in_days", "N", "days until it must work"),
    _Flag("skills", "WHO", "who would build it: none, software or ml"),
    _Flag("budget", "DOLLARS", "the most it may cost, in US dollars"),
)


_LEFT = 130
"""The exit code of a person who leaves."""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "advise",
        help="advise what to try first, before there is anything to measure",
        description="Asks up to twelve questions, each of which may be skipped, and reasons with the field's "
        "rules of thumb, their sources and their dates. Answers may also come from a file, from options, or "
        "from a task's data; an option goes before the file, and the file before the data.",
    )
    verb.add_argument("--answers", metavar="FILE", type=file_path, help="answers by key, as YAML")
    verb.add_argument(
        "--from",
        dest="source",
        metavar="TASK-or-FILE",
        type=file_path,
        help="answer what the data answers by itself, and name the rows",
    )
    verb.add_argument(
        "--out", metavar="FILE", type=file_path, help="write a task.yaml to start from"
    )
    verb.add_argument(
        "--explain", metavar="WAY", help="what is known of one way, such as fine_tune"
    )
    verb.add_argument(
        "--json", action="store_true", help="print the advice as JSON on stdout and nothing else"
    )
    answers = verb.add_argument_group("answers")
    for flag in FLAGS:
        option = f"--{flag.key.replace('_', '-')}"
        answers.add_argument(option, metavar=flag.takes, dest=flag.key, help=flag.about)
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Collect the answers, advise, and print."""
    from steelyard.advice import advise

    if args.explain is not None:
        return _explain(args)
    if args.out is not None:
        _check_out(args.out, args.source)
    by_hand = {**_from_file(args.answers), **_from_flags(args)}
    data = _from_data(args.source)
    answers = {**(data.by_key if data else {}), **by_hand}
    if not (answers or data or args.answers):
        try:
            answers = _asked(args)
        except (EOFError, KeyboardInterrupt):
            say("\nsteelyard: left before the last question: nothing was advised", file=sys.stderr)
            return _LEFT
    advice = advise(answers, subject=data.subject if data else None)
    if args.json:
        from_data = [answer._asdict() for answer in data.answers] if data else []
        say_json({**advice.to_dict(), "read_from_data": from_data})
    else:
        from steelyard.advice.text import advice_text

        say(advice_text(advice, data.answers if data else ()))
    if args.out is not None and advice.task_yaml is not None:
        _write(args.out, advice.task_yaml)
    return 0


def _explain(args: argparse.Namespace) -> int:
    from datetime import date

    from steelyard.advice.text import explanation_text
    from steelyard.advice.ways import way_facts
    from steelyard.errors import ConfigError

    others = [name for name in ("answers", "source", "out") if getattr(args, name) is not None]
    others += [flag.key for flag in FLAGS if getattr(args, flag.key) is not None]
    if others:
        raise ConfigError(
            "--explain stands alone: give it without answers, or leave it out for advice"
        )
    facts = way_facts(args.explain)
    if args.json:
        plain = {
            "way": facts.way,
            "about": facts.about,
            "advantages": list(facts.advantages),
            "limits": list(facts.limits),
            "dimensions": dict(facts.dimensions),
            "rules": [rule.id for rule in facts.rules],
        }
        say_json(plain)
    else:
        say(explanation_text(facts.way, date.today()))
    return 0


def _from_data(source: Path | None) -> TaskAnswers | None:
    if source is None:
        return None
    from steelyard.advice import from_task

    return from_task(source)


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    from steelyard.advice import read_answers

    return read_answers(path)


def _from_flags(args: argparse.Namespace) -> dict[str, Any]:
    """The answers given as options, as texts; each is checked on its own, so that the option can be named."""
    from steelyard.advice.situation import situation_of
    from steelyard.errors import ConfigError

    answers = {flag.key: getattr(args, flag.key) for flag in FLAGS}
    answers = {key: text for key, text in answers.items() if text is not None}
    try:
        situation_of(answers)
    except ConfigError as error:
        key, _, rest = str(error).partition(" ")
        raise ConfigError(f"--{key.replace('_', '-')} {rest}") from None
    return answers


def _asked(args: argparse.Namespace) -> dict[str, Any]:
    """The answers of a person at the terminal. Raises `ConfigError` where there is none to ask."""
    from steelyard.advice.questions import questions
    from steelyard.errors import ConfigError

    if not sys.stdin.isatty():
        raise ConfigError(
            "no answers: give options such as --examples 40 --need tone, --answers FILE or --from TASK, or "
            "run it in a terminal to be asked"
        )
    file = sys.stderr if args.json else sys.stdout
    every = questions()
    say(f"{len(every)} questions. Enter skips one, ? says why it is asked.", file=file)
    answers: dict[str, Any] = {}
    for number, question in enumerate(every, 1):
        say(f"\n{number}/{len(every)} {question.ask}", file=file)
        answers |= _one(question, file)
    say("", file=file)
    return answers


def _one(question: AdviceQuestion, file: Any) -> dict[str, Any]:
    """The answers to one question, asked again until they can be read or it is skipped. Raises `EOFError`."""
    from steelyard.errors import ConfigError

    while True:
        say(f"  ({question.hint}) ", file=file, end="")
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        text = line.strip()
        if not text:
            return {}
        if text == "?":
            say(f"  {question.why}", file=file)
            continue
        try:
            return question.read(text)
        except ConfigError as error:
            say(f"  {error}", file=file)


def _check_out(path: Path, source: Path | None) -> None:
    """Refuse what cannot be written before anything is asked."""
    from steelyard.commands import command
    from steelyard.errors import ConfigError
    from steelyard.files import check_target

    if source is not None:
        makes_one = command("init", "DIR", "--from", source)
        raise ConfigError(
            f"--out is for advice without data: a task is there, or {makes_one} makes one"
        )
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"--out writes a task: name a file such as my-task/task.yaml, not {path}")
    check_target(path)
    if path.exists():
        raise ConfigError(f"{path} already exists: name another file, nothing was written")


def _write(path: Path, task: str) -> None:
    """Write the task, and an empty file for its rows where there is none yet."""
    from steelyard.advice.task_file import EXAMPLES
    from steelyard.files import cannot_write, write_whole

    rows = path.parent / EXAMPLES
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not rows.exists():
            write_whole(rows, "")
        write_whole(path, task)
    except OSError as error:
        raise cannot_write(path, error) from None
    say(f"wrote {path}: put your prompt in it, and your rows into {rows}", file=sys.stderr)
