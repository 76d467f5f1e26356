"""Rows that cannot be read, chats out of order, damaged text, and what providers would not take."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.dataset import SHOWN, Dataset, Unreadable
from steelyard.data.texts.encoding import Damage, Sign, damages, load_repair
from steelyard.data.tokens import count_tokens
from steelyard.data.tuning import PROVIDERS, get_provider, judge
from steelyard.data.tuning.chat import alternates, chat_row, system_first
from steelyard.data.tuning.findings import judgement_findings, training_findings, tuning_facts
from steelyard.data.tuning.judge import as_chats

_REASONS = 8
_VARIABLE = re.compile(r"""(?<!\w)'[^']*'|"[^"]*"|\([^)]*\)|;.*|\d[\d,.]*""")
_SAYS: Mapping[Sign, tuple[Severity, str]] = {
    "mojibake": (
        "warning",
        "text that was decoded with the wrong encoding (mojibake): re-read the original as UTF-8, "
        "or let data fix repair it",
    ),
    "replaced": (
        "warning",
        "the replacement character U+FFFD: what stood there is lost, so re-export from the original",
    ),
    "control": ("warning", "control characters, which no reader sees but a model learns"),
    "invisible": ("warning", "zero-width or direction characters amid plain text: remove them"),
    "byte_order_mark": ("warning", "a byte order mark inside the text: files were joined unread"),
    "line_ends": ("warning", "line ends other than LF and CRLF"),
    "entities": ("note", "escaped HTML such as &amp;: unescape it unless users really send it"),
}


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Look at the rows' form, and hold them against the providers' fine-tuning rules.

    Raises `ConfigError` for a provider without rules in ``options.tuning``. Facts: ``unreadable`` and
    ``encoding`` (counts by kind), ``system_prompts``, ``ignored_keys``, ``tuning`` by provider.
    """
    providers = [get_provider(n) for n in ([options.tuning] if options.tuning else PROVIDERS)]
    repair, reason = load_repair()
    signs = _signs(data, repair)
    counts, chats = count_tokens(data), as_chats(data)
    judged = [judge(data, chats, counts, provider) for provider in providers]
    findings = [
        *_unreadable(data),
        *_disorder(data),
        *_system_prompts(data),
        *_damaged(data, signs),
        *_line_ends(data),
        *judgement_findings(data, judged, named=options.tuning is not None),
        *training_findings(data, counts, providers),
        *_ignored(data),
    ]
    facts = {
        "unreadable": dict(Counter(_kind(row.bad.reason) for row in data.bad)),
        "encoding": {sign: len(rows) for sign, rows in signs.items()},
        "system_prompts": _system_facts(data),
        "ignored_keys": list(data.ignored_keys),
        "tuning": tuning_facts(data, chats, counts, judged),
    }
    return CheckResult(tuple(findings), facts, reason)


def _unreadable(data: Dataset) -> Iterator[Finding]:
    """One finding for each kind of reason, the commonest first."""
    kinds: dict[str, list[Unreadable]] = {}
    for row in data.bad:
        kinds.setdefault(_kind(row.bad.reason), []).append(row)
    ordered = sorted(kinds.values(), key=len, reverse=True)
    rest = [row for rows in ordered[_REASONS:] for row in rows]
    for rows in [*ordered[:_REASONS], *([rest] if rest else [])]:
        first = rows[0].bad
        many = "1 row cannot" if len(rows) == 1 else f"{len(rows):,} rows cannot"
        example = "" if len(rows) == 1 else "for example "
        yield Finding(
            check="format",
            severity="error",
            message=f"{many} be used: {example}{first.file} line {first.line}: {first.reason}",
            rows=tuple(row.number for row in rows),
            evidence=tuple(_bad_evidence(row) for row in rows[:SHOWN]),
        )


def _kind(reason: str) -> str:
    """The reason without what differs from row to row: names, figures, what was found."""
    return " ".join(_VARIABLE.sub("", reason).split())


def _bad_evidence(row: Unreadable) -> dict[str, Any]:
    source = f"{row.bad.file}:{row.bad.line}"
    return {
        "row": row.number,
        "source": source,
        "input": "",
        "output": "",
        "reason": row.bad.reason,
    }


def _disorder(data: Dataset) -> Iterator[Finding]:
    rows = []
    for index, example in enumerate(data.examples):
        if example.context:
            chat = chat_row(example, data.written[index], "")
            if not (system_first(chat) and alternates(chat)):
                rows.append(index)
    if rows:
        roles = [[*(turn.role for turn in data.examples[row].context), "user"] for row in rows]
        yield Finding(
            check="format",
            severity="error",
            message=f"{_has(len(rows))} turns out of order: after an optional system message, user "
            "and assistant should alternate, the user first; chat templates and providers refuse it",
            rows=data.rows_of(rows),
            evidence=data.evidence(rows, roles=roles),
        )


def _system_texts(data: Dataset) -> list[str | None]:
    """Each row's own system messages, ``None`` where it has none."""
    found: list[str | None] = []
    for example in data.examples:
        own = [turn.content.strip() for turn in example.context if turn.role == "system"]
        found.append("\n\n".join(own) if own else None)
    return found


def _system_facts(data: Dataset) -> dict[str, int]:
    texts = _system_texts(data)
    return {"different": len(set(texts) - {None}), "rows_without": texts.count(None)}


def _system_prompts(data: Dataset) -> Iterator[Finding]:
    """Rows whose system message is not the usual one."""
    texts = _system_texts(data)
    counts = Counter(texts)
    if len(counts) < 2:
        return
    usual, many = counts.most_common(1)[0]
    different = len(counts) - (None in counts)
    rows = sorted(
        (i for i, text in enumerate(texts) if text != usual), key=lambda i: counts[texts[i]]
    )
    has = "no system message" if usual is None else "the same system message"
    said = "1 system message" if different == 1 else f"{different:,} different system messages"
    without = f" and {counts[None]:,} rows without one" if None in counts else ""
    yield Finding(
        check="format",
        severity="warning",
        message=f"there are {said}{without}: {many:,} of {len(texts):,} rows have {has}; a tuned "
        "model answers best under the message it was trained with, so use one",
        rows=data.rows_of(rows),
        evidence=data.evidence(rows, system=[(texts[i] or "none")[:60] for i in rows[:SHOWN]]),
    )


def _signs(data: Dataset, repair: Any) -> dict[Sign, list[tuple[int, Damage]]]:
    """Rows by sign of damage. Equal texts (labels, system messages) are looked at once."""
    found: dict[Sign, list[tuple[int, Damage]]] = {sign: [] for sign in _SAYS}
    known: dict[str, list[Damage]] = {}
    for index, (example, written) in enumerate(zip(data.examples, data.written, strict=True)):
        seen: dict[Sign, Damage] = {}
        for text in (example.input, written, *(turn.content for turn in example.context)):
            if text not in known:
                known[text] = damages(text, repair)
            for damage in known[text]:
                seen.setdefault(damage.sign, damage)
        for sign, damage in seen.items():
            found[sign].append((index, damage))
    return found


def _damaged(
    data: Dataset, signs: Mapping[Sign, Sequence[tuple[int, Damage]]]
) -> Iterator[Finding]:
    for sign, (severity, says) in _SAYS.items():
        rows = [index for index, _ in signs[sign]]
        if rows:
            found = [damage.found[:80] for _, damage in signs[sign][:SHOWN]]
            better = {"fixed" if sign == "mojibake" else "found": found}
            yield Finding(
                check="format",
                severity=severity,
                message=f"{_has(len(rows))} {says}",
                rows=data.rows_of(rows),
                evidence=data.evidence(rows, **better),
            )


def _line_ends(data: Dataset) -> Iterator[Finding]:
    """Rows with CRLF, when others have LF: the model learns both."""
    crlf, lf = [], 0
    for index, (example, written) in enumerate(zip(data.examples, data.written, strict=True)):
        texts = (example.input, written, *(turn.content for turn in example.context))
        if any("\r\n" in text for text in texts):
            crlf.append(index)
        elif any("\n" in text for text in texts):
            lf += 1
    if crlf and lf:
        yield Finding(
            check="format",
            severity="warning",
            message=f"{_has(len(crlf))} CRLF line ends and {lf:,} LF alone: use one of them",
            rows=data.rows_of(crlf),
            evidence=data.evidence(crlf),
        )


def _ignored(data: Dataset) -> Iterator[Finding]:
    if data.ignored_keys:
        names = ", ".join(repr(key[:40]) for key in data.ignored_keys[:12])
        more = "" if len(data.ignored_keys) <= 12 else f" and {len(data.ignored_keys) - 12} more"
        one = len(data.ignored_keys) == 1
        yield Finding(
            check="format",
            severity="note",
            message=f"{'1 key is' if one else f'{len(data.ignored_keys)} keys are'} not used: "
            f"{names}{more}; name it under columns in task.yaml if it should be",
            count=len(data.ignored_keys),
        )


def _has(many: int) -> str:
    return "1 row has" if many == 1 else f"{many:,} rows have"
