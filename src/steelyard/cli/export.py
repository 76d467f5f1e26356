"""``steelyard export ARM --to FORMAT``: a measured arm's weights for other programs."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from steelyard.cli.options import count, file_path, share
from steelyard.families import EXPORT_FORMATS
from steelyard.printing import say, say_json

if TYPE_CHECKING:
    from steelyard.exports import Export

REFUSED = 1
"""Exit code where the files were written, did not hold, and were removed."""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "export",
        help="write a tuned arm's weights for other programs",
        description="Write the weights of a tuned arm, load them again, and ask them the test examples of "
        "the run. What does not answer as measured is removed. Exit codes: 0 published, 1 refused, 2 a "
        "mistake or a limit.",
    )
    verb.add_argument(
        "arm", metavar="ARM", help="an arm's folder, such as runs/NAME/arms/lora, or its name"
    )
    verb.add_argument(
        "--to",
        metavar="FORMAT",
        required=True,
        choices=[*EXPORT_FORMATS],
        help=" ".join(EXPORT_FORMATS),
    )
    verb.add_argument("--run", metavar="FOLDER", type=file_path, help="the run folder of ARM")
    verb.add_argument(
        "--out",
        metavar="FOLDER",
        type=file_path,
        help="default: exports/ARM-FORMAT-PRECISION in the run",
    )
    verb.add_argument(
        "--task", metavar="TASK", type=file_path, help="where the task lies now, if it has moved"
    )
    verb.add_argument(
        "--precision",
        metavar="P",
        help="safetensors: float32, bfloat16; gguf: f16, q8_0; ctranslate2: int8, float32",
    )
    verb.add_argument(
        "--items", metavar="N", type=count, help="answer N test examples again (default: all)"
    )
    verb.add_argument(
        "--tolerance",
        metavar="T",
        type=share,
        help="how far the metric may fall, by the lower limit of its interval (default: 0.01)",
    )
    verb.add_argument("--json", action="store_true", help="print what was found on stdout as JSON")
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Export, and say where the files are or why there are none."""
    from steelyard.exports import ExportOptions, export

    names = ("precision", "items", "tolerance")
    options = {name: value for name in names if (value := getattr(args, name)) is not None}
    stated = export(
        args.arm,
        args.to,
        run=args.run,
        out=args.out,
        task=args.task,
        options=ExportOptions(**options),
    )
    if args.json:
        say_json(stated.to_dict())
    else:
        _show(stated)
    return 0 if stated.published else REFUSED


def _show(stated: Export) -> None:
    from steelyard.exports.card import rescored_text

    if stated.rescored is not None:
        say(rescored_text(stated.rescored))
    for note in stated.notes:
        say(f"note: {note}")
    if stated.published:
        say(f"{stated.folder}: {stated.format}, {stated.precision}, {stated.size_bytes:,} bytes")
    for reason in stated.reasons:
        say(f"steelyard: refused, nothing is published: {reason}", file=sys.stderr)
