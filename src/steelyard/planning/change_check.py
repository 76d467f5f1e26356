"""Whether the facts that a task says will change fit its documents, and their answers what comes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from steelyard.core import Example
from steelyard.data.base import CheckResult, Finding, Severity
from steelyard.data.dataset import SHOWN, Dataset
from steelyard.errors import DataError
from steelyard.folding import folded
from steelyard.planning.facts import ChangedFact, examples_by_question, fact_of
from steelyard.retrieve.documents import Corpus
from steelyard.retrieve.fact_changes import FactChange, beside_change, changed_corpus, each_change
from steelyard.score.facts import words_of
from steelyard.words import counted, listed

CHECK = "document_changes"
_BESIDE = 200
"""Characters beside a change that its answer may draw on: of ``14`` that becomes ``20`` the word after it."""
_STEM, _SHORTEST = 5, 4
_CHOICES = frozenset(
    "yes no true false ja nein nee oui non si sí sim não да нет ano ne tak nie evet hayır はい いいえ".split()
)
"""An answer that begins with one of these is a choice, and no text of a document."""
_LINE = re.compile(r" line (\d+): ")


def change_findings(data: Dataset, corpus: Corpus) -> CheckResult | None:
    """What the audit says of a task's ``document_changes``; ``None`` where it lists none."""
    task = data.task
    path, name = task.document_changes_path, task.document_changes
    if path is None or name is None:
        return None
    faults: list[str] = []
    facts: list[ChangedFact] = []
    try:
        by_question = examples_by_question(data.examples)
        for change in each_change(path, name):
            try:
                facts.append(_fact(change, corpus, by_question))
            except DataError as error:
                faults.append(str(error))
    except DataError as error:
        faults.append(str(error))
    if not faults:
        faults += _overlaps(corpus, facts)
    refusals = {folded(example.output) for example in data.examples if not example.answerable}
    odd = [fact for fact in facts if data.kind == "text" and is_odd(fact, corpus, refusals)]
    unfit = (f"change of {name} does not fit", f"changes of {name} do not fit")
    absent = (f"answer of {name} does not stand", f"answers of {name} do not stand")
    findings = (
        _finding("error", unfit, "the documents: a run stops there", faults),
        _finding(
            "warning",
            absent,
            "in what comes into the document: see whether it follows",
            [f"{fact.change.where}: {_answer_text(fact)}" for fact in odd],
        ),
    )
    reason = None if data.kind == "text" else f"answers are not looked for: outputs are {data.kind}"
    return CheckResult(
        tuple(filter(None, findings)),
        {"changes": len(facts) + len(faults), "unfit": len(faults), "odd_answers": len(odd)},
        reason,
    )


def _fact(
    change: FactChange | DataError, corpus: Corpus, by_question: Mapping[str, Example]
) -> ChangedFact:
    if isinstance(change, DataError):
        raise change
    changed_corpus(corpus, [change])
    return fact_of(change, by_question)


def _overlaps(corpus: Corpus, facts: Sequence[ChangedFact]) -> Iterator[str]:
    try:
        changed_corpus(corpus, [fact.change for fact in facts])
    except DataError as error:
        yield str(error)


def _finding(
    severity: Severity, counts: tuple[str, str], text: str, faults: Sequence[str]
) -> Finding | None:
    """A finding of ``faults``, which begin with their rows; ``counts`` are the words for one and for many."""
    if not faults:
        return None
    lines = [match[1] for fault in faults if (match := _LINE.search(fault))]
    which = f" (line{'s' if len(lines) > 1 else ''} {listed(lines, SHOWN)})" if lines else ""
    evidence = tuple(
        {"row": 0, "source": where, "input": "", "output": "", "because": why}
        for where, _, why in (fault.partition(": ") for fault in faults[:SHOWN])
    )
    message = f"{counted(len(faults), *counts)} {text}{which}"
    return Finding(CHECK, severity, message, evidence=evidence, count=len(faults))


def _answer_text(fact: ChangedFact) -> str:
    return f"{fact.change.answer[:60]!r} is not in {fact.change.new[:80]!r}"


def is_odd(fact: ChangedFact, corpus: Corpus, refusals: Collection[str] = ()) -> bool:
    """Whether the new answer does not stand in the new text, though the old one stood in the old text.

    Any form of an answer will do. Where even the old one did not stand there, answers are drawn from the
    documents in another way; a yes or no, and one of the folded ``refusals``, stands in none.
    """
    change, (olds, news) = fact.change, fact.texts
    if not change.new.strip() or any(
        folded(form) in refusals or {*words_of(form)[:1]} & _CHOICES for form in news
    ):
        return False
    before, behind = beside_change(corpus, change, _BESIDE)
    stands, stood = (
        any(_stands(form, text, f"{before}{text}{behind}") for form in forms)
        for forms, text in ((news, change.new), (olds, change.old))
    )
    return stood and not stands


def _stands(form: str, text: str, around_it: str) -> bool:
    """Whether a text may give an answer: by its numbers where it has some, else by a word that they share.

    All numbers stand in the text or beside it, one at least in it. Numbers in words cannot be compared.
    """
    numbers, there = _numbers(form), _numbers(text)
    words = words_of(form)
    if numbers:
        return not there or bool(numbers & there and numbers <= _numbers(around_it))
    if there and len(words) == 1:
        return True
    return not words or bool({*map(_stem, words)} & {*map(_stem, words_of(text))})


def _numbers(text: str) -> set[str]:
    words = (word for word in words_of(text) if word[0].isdigit())
    return {word.replace(",", ".").lstrip("0") or "0" for word in words}


def _stem(word: str) -> str:
    return word[:_STEM] if len(word) >= _SHORTEST or not word.isascii() else ""
