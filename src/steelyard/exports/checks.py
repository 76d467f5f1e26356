"""What can be told to be wrong with exported files before they answer, each fault by its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from steelyard.core import Message
from steelyard.exports.base import Outgoing, ReadBack
from steelyard.exports.weights import weight_faults
from steelyard.model.prompts import PromptWriter
from steelyard.words import one_line

_PROBES = 20
"""Prompts that are rendered and cut into tokens both ways."""
_SHOWN = 60  # characters of a text in a message


@dataclass(frozen=True)
class Checked:
    """What the checks compare: the measured model and the files read back, on these prompts and answers."""

    outgoing: Outgoing
    back: ReadBack
    prompts: Sequence[tuple[Message, ...]]
    answers: Sequence[str]
    rounding: float

    @property
    def measured(self) -> PromptWriter:
        return self.outgoing.measured.writer

    @property
    def exported(self) -> PromptWriter:
        return PromptWriter(self.back.tokenizer)


def faults_of(checked: Checked) -> list[str]:
    """Every reason why the files are not the measured model; none where nothing can be seen."""
    checks: list[Callable[[Checked], Iterator[str]]] = [
        _format_faults,
        _template_faults,
        _vocabulary_faults,
        _prompt_faults,
        _end_faults,
        _weight_faults,
    ]
    return [reason for check in checks for reason in check(checked)]


def _format_faults(checked: Checked) -> Iterator[str]:
    yield from checked.back.faults


def _template_faults(checked: Checked) -> Iterator[str]:
    """Exactly the measured chat template, once."""
    measured, templates = checked.measured.tokenizer.chat_template, checked.back.templates
    if len(templates) > 1:
        yield (
            f"the files hold {len(templates)} chat templates that differ, and each server takes another "
            "one; they must hold the measured one alone"
        )
    elif not templates and measured is not None:
        yield "the files hold no chat template: servers would make up their own"
    elif templates and measured is None:
        yield "the files hold a chat template, and the arm was measured without one"
    elif templates and isinstance(measured, str) and templates[0] != measured:
        yield "the chat template of the files is not the measured one"


def _vocabulary_faults(checked: Checked) -> Iterator[str]:
    back = checked.back
    rows = checked.outgoing.merged.network.get_input_embeddings().weight.shape[0]
    if back.rows != rows:
        yield f"the embedding has {back.rows:,} rows, that of the measured model {rows:,}"
    if back.tokens > back.rows:
        yield (
            f"the vocabulary has {back.rows:,} rows, the tokenizer {back.tokens:,} tokens: the last "
            f"{back.tokens - back.rows:,} have no row, such as an added pad token"
        )
    before = checked.measured.tokenizer.get_vocab()
    now = back.tokenizer.get_vocab()
    moved = [text for text, number in before.items() if now.get(text) != number]
    if moved:
        text = moved[0]
        yield (
            f"{len(moved):,} tokens have another number in the exported tokenizer, such as {text!r}: "
            f"{now.get(text)}, measured {before[text]}"
        )
    extra = [text for text, number in now.items() if text not in before and number < rows]
    if extra and len(now) > len(before) and not all(map(_is_padding, extra)):
        yield f"the exported tokenizer has tokens that the measured one lacks, such as {extra[0]!r}"


def _is_padding(text: str) -> bool:
    return text.startswith("[PAD") and text.endswith("]")


def _prompt_faults(checked: Checked) -> Iterator[str]:
    """The prompts of the sealed items, rendered and cut by the exported files, are the measured ones."""
    prompts = list(checked.prompts[:_PROBES])
    for messages in prompts:
        text, before = checked.exported.text(messages), checked.measured.text(messages)
        if text != before:
            yield f"the chat template renders another prompt: {_first_difference(text, before)}"
            return
    measured, exported = checked.measured.tokens(prompts), checked.exported.tokens(prompts)
    for ids, before_ids in zip(exported, measured, strict=True):
        if ids != before_ids:
            yield f"the tokenizer cuts a prompt otherwise: {_tokens(checked, ids, before_ids)}"
            return
    yield from _added_faults(checked, measured)
    answers = list(dict.fromkeys(checked.answers))[:_PROBES]
    pairs = zip(
        checked.measured.answer_tokens(answers),
        checked.exported.answer_tokens(answers),
        strict=True,
    )
    if any(before_ids != ids for before_ids, ids in pairs):
        yield "the tokenizer cuts an answer otherwise than the measured one"


def _added_faults(checked: Checked, prompts: Sequence[Sequence[int]]) -> Iterator[str]:
    """Whether a server that tokenizes a rendered chat puts more before it than the arm was sent."""
    adds = checked.back.adds
    if not adds:
        return
    name = checked.back.tokenizer.convert_ids_to_tokens(adds[0])
    if prompts and list(prompts[0][: len(adds)]) == list(adds):
        yield (
            f"a prompt would begin with {name} twice: the chat template writes it and the tokenizer adds it; "
            "add_bos_token must be false"
        )
    else:
        yield (
            f"the tokenizer adds {name} before a prompt, and the arm was measured without it; "
            "add_bos_token must be false"
        )


def _end_faults(checked: Checked) -> Iterator[str]:
    """Answers stop where the tuned model was taught to stop."""
    measured, exported = checked.measured.turn_end, checked.exported.turn_end
    ends = checked.back.ends
    name = checked.measured.tokenizer.decode(list(measured))
    if exported != measured:
        written = checked.back.tokenizer.decode(list(exported))
        yield f"the chat template ends an answer with {written!r}, the arm was taught {name!r}"
    if measured and measured[-1] not in ends:
        yield (
            f"nothing stops an answer at {name!r}, with which the arm was taught to end: the files name "
            f"{sorted(ends) or 'no token'} as end, and not {measured[-1]}"
        )
    for token in sorted(checked.outgoing.measured.end_tokens - ends - set(measured)):
        text = checked.back.tokenizer.decode([token])
        yield f"the measured arm stopped at {text!r} ({token}), too, and the files do not"
    for token in sorted(ends - checked.outgoing.measured.end_tokens):
        text = checked.back.tokenizer.decode([token])
        yield f"the files end an answer at {text!r} ({token}), which ended none of the measured arm"


def _weight_faults(checked: Checked) -> Iterator[str]:
    if checked.back.network is not None:
        yield from weight_faults(checked.outgoing.merged, checked.back.network, checked.rounding)


def _first_difference(text: str, before: str) -> str:
    at = next(
        (i for i, pair in enumerate(zip(text, before, strict=False)) if pair[0] != pair[1]), None
    )
    at = min(len(text), len(before)) if at is None else at
    return f"at character {at:,} {one_line(text[at:], _SHOWN)!r}, measured {one_line(before[at:], _SHOWN)!r}"


def _tokens(checked: Checked, ids: Sequence[int], before: Sequence[int]) -> str:
    at = next(
        (i for i, pair in enumerate(zip(ids, before, strict=False)) if pair[0] != pair[1]), None
    )
    at = min(len(ids), len(before)) if at is None else at
    texts = [
        tokenizer.decode(list(part[at : at + 3]))
        for tokenizer, part in (
            (checked.back.tokenizer, ids),
            (checked.measured.tokenizer, before),
        )
    ]
    return f"from token {at + 1} {texts[0]!r}, measured {texts[1]!r}"
