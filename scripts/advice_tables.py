"""Write the tables of docs/advice.md from the questions and the rules of thumb.

Run it after a change of either; a test compares the page with what this writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from steelyard.advice.questions import questions
from steelyard.rules_of_thumb import ThumbRule, thumb_rules

PAGE = Path(__file__).resolve().parents[1] / "docs" / "advice.md"


def main() -> None:
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def filled(page: str) -> str:
    """The page with its tables as the data has them."""
    for name, lines in (("questions", question_rows()), ("rules", rule_rows())):
        block = f"<!-- {name} -->\n" + "\n".join(lines) + f"\n<!-- end of {name} -->"
        pattern = f"<!-- {name} -->.*?<!-- end of {name} -->"
        page = re.sub(pattern, lambda _, block=block: block, page, flags=re.DOTALL)
    return page


def question_rows() -> Iterator[str]:
    yield "| key | asked | what may be answered |"
    yield "|---|---|---|"
    for question in questions():
        for key in question.keys:
            yield f"| `{key.name}` | {question.ask} | {key.expected} |"


def rule_rows() -> Iterator[str]:
    yield "| rule | about | way | where it holds | says | source | date | strength |"
    yield "|---|---|---|---|---|---|---|---|"
    for rule in thumb_rules().values():
        source = f"[{rule.source}]({rule.url})" if rule.url else rule.source
        when = f"read {rule.date}" if rule.read else rule.date
        yield (
            f"| `{rule.id}` | {rule.about} | {rule.speaks} `{rule.way}` | {condition(rule)} "
            f"| {rule.text} | {source} | {when} | {rule.strength} |"
        )


def condition(rule: ThumbRule) -> str:
    """The condition of a rule: ``examples: at least 50 (to 100)``."""
    if rule.always:
        return "always"
    if rule.one_of:
        values = (str(value).lower() if isinstance(value, bool) else value for value in rule.one_of)
        needs = "".join(
            f", with {key} {' or '.join(few)}"
            for key, few in rule.needs.items()
            if key != rule.reads
        )
        return f"{rule.reads}: {', '.join(values)}{needs}"
    kinds = {"at least": rule.at_least, "at most": rule.at_most, "below": rule.below}
    words, mark = next((words, mark) for words, mark in kinds.items() if mark is not None)
    upper = f" (to {rule.up_to:,g})" if rule.up_to else ""
    plain = f"{mark:g}" if mark < 1 else f"{mark:,.0f}"
    grows = "".join(f" for {count:,} {key}, in proportion" for key, count in rule.per.items())
    silent = f", silent from {rule.silent_from:,g} on" if rule.silent_from else ""
    return f"{rule.reads}: {words} {plain}{upper} {rule.unit}{grows}{silent}"


if __name__ == "__main__":
    main()
