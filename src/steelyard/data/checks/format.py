"""Rows that cannot be read, chats out of order, damaged text, and what providers would refuse."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steelyard.core import Example
from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.checks.pairs import pair_facts, pair_findings
from steelyard.data.dataset import SHOWN, Dataset, Unreadable
from steelyard.data.outputs.base import turn_marks
from steelyard.data.placeholders import placeholder_warning, placeholders
from steelyard.data.texts.encoding import EncodingFault, Sign, faults_in, load_repair
from steelyard.data.tokens import count_tokens
from steelyard.data.tuning.estimate import review_findings, training_findings, tuning_facts
from steelyard.data.tuning.review import as_chats, chat_row, review
from steelyard.data.tuning.rules import PROVIDERS, get_provider
from steelyard.data.tuning.turns import alternates, is_unweighed, system_first
from steelyard.model import provider_of
from steelyard.words import counted

CHECK = "format"
_REASONS = 8
_VARIABLE = re.compile(r"""(?<!\w)'[^']*'|"[^"]*"|\([^)]*\)|;.*|\d[\d,.]*""")
_SAYS: Mapping[Sign, str] = {
    "mojibake": "text decoded with the wrong encoding (mojibake): read the original again as UTF-8, "
    "or run steelyard data fix",
    "replaced": "the replacement character U+FFFD: text was lost there, so export the original again",
    "control": "control characters, which people do not see but a model learns",
    "invisible": "zero-width or direction characters inside plain text: remove them",
    "byte_order_mark": "a byte order mark inside the text: files were joined without removing it",
    "line_ends": "line endings other than LF and CRLF",
    "entities": "escaped HTML such as &amp;: unescape it unless users really send it",
}


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Check the form of the rows, and whether they keep to the providers' fine-tuning rules.

    Raises `ConfigError` for a provider without rules in ``options.tuning``. Facts: ``unreadable`` and
    ``encoding`` (counts by kind), ``system_prompts``, ``ignored_keys``, ``accepted`` (rows with other
    accepted answers), ``tuning`` by provider, and ``pairs`` where there are rejected answers.
    """
    providers = [get_provider(n) for n in ([options.tuning] if options.tuning else PROVIDERS)]
    repair, reason = load_repair()
    signs = _signs(data, repair)
    counts, chats = count_tokens(data), as_chats(data)
    reviews = [review(data, chats, counts, provider) for provider in providers]
    findings = [
        *_unreadable(data, options.tuning),
        *_placeholders(data),
        *_disorder(data),
        *_system_prompts(data),
        *_damaged(data, signs),
        *_line_ends(data),
        *_turn_marks(data),
        *review_findings(data, reviews, named=options.tuning is not None),
        *training_findings(data, counts, providers),
        *_ignored(data),
        *_accepted(data),
        *pair_findings(data),
    ]
    facts = {
        "unreadable": dict(Counter(_kind(row.bad.reason) for row in data.bad)),
        "encoding": {sign: len(rows) for sign, rows in signs.items()},
        "system_prompts": _system_facts(data),
        "ignored_keys": list(data.ignored_keys),
        "accepted": len(_with_others(data)),
        "tuning": tuning_facts(data, chats, counts, reviews),
        **pair_facts(data),
    }
    return CheckResult(tuple(findings), facts, reason)


def _unreadable(data: Dataset, tuning: str | None) -> Iterator[Finding]:
    """One finding for each kind of reason, the most frequent first.

    Rows that cannot be weighed are no fault where the file is for ``tuning`` at a provider.
    """
    kinds: dict[str, list[Unreadable]] = {}
    for row in data.bad:
        kinds.setdefault(_kind(row.bad.reason), []).append(row)
    ordered = sorted(kinds.values(), key=len, reverse=True)
    rest = [row for rows in ordered[_REASONS:] for row in rows]
    for rows in [*ordered[:_REASONS], *([rest] if rest else [])]:
        first = rows[0].bad
        many = counted(len(rows), "row cannot", "rows cannot")
        example = "" if len(rows) == 1 else "for example "
        is_taken = tuning is not None and is_unweighed(first.reason, tuning)
        yield Finding(
            CHECK,
            "warning" if is_taken else "error",
            f"{many} be used: {example}{first.file} line {first.line}: {first.reason}"
            f"{f', but {tuning} takes it' if is_taken else ''}",
            tuple(row.number for row in rows),
            tuple(_bad_evidence(row) for row in rows[:SHOWN]),
        )


def _kind(reason: str) -> str:
    """The reason without what differs from row to row: names, figures, values."""
    return " ".join(_VARIABLE.sub("", reason).split())


def _bad_evidence(row: Unreadable) -> dict[str, Any]:
    place = {"row": row.number, "source": f"{row.bad.file}:{row.bad.line}"}
    return {**place, "input": "", "output": "", "reason": row.bad.reason}


def _placeholders(data: Dataset) -> Iterator[Finding]:
    message = placeholder_warning(data.task)
    if message is not None:
        yield Finding(CHECK, "warning", message, count=len(placeholders(data.task)))


def _disorder(data: Dataset) -> Iterator[Finding]:
    rows = []
    for index, example in enumerate(data.examples):
        if example.context:
            chat = chat_row(example, data.written[index], "")
            if not (system_first(chat) and alternates(chat)):
                rows.append(index)
    if rows:
        roles = [[*(turn.role for turn in data.examples[row].context), "user"] for row in rows]
        yield Finding.of_rows(
            data,
            rows,
            CHECK,
            "error",
            f"{_have(rows)} turns out of order: after an optional system message, user and assistant "
            "must alternate, the user first; chat templates and providers refuse anything else",
            roles=roles,
        )


def _system_texts(data: Dataset) -> list[str | None]:
    """Each row's own system messages, ``None`` where it has none."""
    texts: list[str | None] = []
    for example in data.examples:
        messages = [turn.content.strip() for turn in example.context if turn.role == "system"]
        texts.append("\n\n".join(messages) if messages else None)
    return texts


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
    messages = counted(different, "system message", "different system messages")
    without = f" and {counts[None]:,} rows without one" if None in counts else ""
    yield Finding.of_rows(
        data,
        rows,
        CHECK,
        "warning",
        f"there are {messages}{without}: {many:,} of {len(texts):,} rows have {has}; a tuned model "
        "answers best with the message it was trained on, so use one",
        system=[(texts[i] or "none")[:60] for i in rows[:SHOWN]],
    )


def _signs(data: Dataset, repair: Any) -> dict[Sign, list[tuple[int, EncodingFault]]]:
    """Rows by sign of damage. Equal texts (labels, system messages) are looked at once."""
    by_sign: dict[Sign, list[tuple[int, EncodingFault]]] = {sign: [] for sign in _SAYS}
    by_text: dict[str, list[EncodingFault]] = {}
    for index, (example, written) in enumerate(zip(data.examples, data.written, strict=True)):
        first: dict[Sign, EncodingFault] = {}
        for text in (*_learnt_texts(example, written), *(turn.content for turn in example.context)):
            if text not in by_text:
                by_text[text] = faults_in(text, repair)
            for fault in by_text[text]:
                first.setdefault(fault.sign, fault)
        for sign, fault in first.items():
            by_sign[sign].append((index, fault))
    return by_sign


def _learnt_texts(example: Example, written: str) -> list[str]:
    return [example.input, written, *([example.rejected] if example.rejected else [])]


def _damaged(
    data: Dataset, signs: Mapping[Sign, Sequence[tuple[int, EncodingFault]]]
) -> Iterator[Finding]:
    for sign, says in _SAYS.items():
        rows = [index for index, _ in signs[sign]]
        if rows:
            examples = [fault.place[:80] for _, fault in signs[sign][:SHOWN]]
            name = "fixed" if sign == "mojibake" else "found"
            severity: Severity = "note" if sign == "entities" else "warning"
            message = f"{_have(rows)} {says}"
            yield Finding.of_rows(data, rows, CHECK, severity, message, **{name: examples})


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
        message = f"{_have(crlf)} CRLF line endings and {lf:,} only LF: use one kind"
        yield Finding.of_rows(data, crlf, CHECK, "warning", message)


def _turn_marks(data: Dataset) -> Iterator[Finding]:
    """Inputs with marks of chat templates, where a hosted model reads them."""
    if provider_of(data.model).is_local:
        return
    pattern = re.compile("|".join(turn_marks()))
    hits = {}
    for index, example in enumerate(data.examples):
        texts = (*(turn.content for turn in example.context), example.input)
        if match := pattern.search("\n".join(texts)):
            hits[index] = match[0]
    if hits:
        yield Finding.of_rows(
            data,
            list(hits),
            CHECK,
            "note",
            f"{_have(list(hits))} marks of chat templates in the input, which are sent as they are: a "
            "server of your own (vLLM, llama.cpp, Ollama) may take them for the end of a turn",
            found=list(hits.values())[:SHOWN],
        )


def _ignored(data: Dataset) -> Iterator[Finding]:
    keys = data.ignored_keys
    if keys:
        names = ", ".join(repr(key[:40]) for key in keys[:12])
        more = f" and {len(keys) - 12} more" if len(keys) > 12 else ""
        yield Finding(
            CHECK,
            "note",
            f"{counted(len(keys), 'key is', 'keys are')} not used: {names}{more}; to use a key, name "
            "it under columns in task.yaml",
            count=len(keys),
        )


def _with_others(data: Dataset) -> list[int]:
    return [index for index, example in enumerate(data.examples) if example.accepted]


def _accepted(data: Dataset) -> Iterator[Finding]:
    rows = _with_others(data)
    if rows:
        yield Finding.of_rows(
            data,
            rows,
            CHECK,
            "note",
            f"{_have(rows)} other accepted answers beside the output: the best of them scores; training, "
            "examples in prompts and judges use the output alone",
            accepted=[list(data.examples[index].accepted) for index in rows[:SHOWN]],
        )


def _have(rows: Sequence[int]) -> str:
    return counted(len(rows), "row has", "rows have")
