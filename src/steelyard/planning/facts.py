"""The facts that a task says will change: read, checked and ready to be asked before anything is spent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain

from steelyard.core import Example, Split
from steelyard.errors import DataError
from steelyard.retrieve.fact_changes import FactChange, changed_corpus, read_changes
from steelyard.retrieve.grounds import Grounds
from steelyard.score.facts import FactTexts, is_distinct, mirrored
from steelyard.task import Task

_LEAST_CHARACTERS = 12


@dataclass(frozen=True)
class ChangedFact:
    """A change, what is asked about it, and the texts that say the fact before and after."""

    change: FactChange
    example: Example
    texts: FactTexts
    is_trained: bool = False
    """Whether the question is one of those that arms learn from, with the old answer."""

    @property
    def old_answer(self) -> str:
        return self.texts.old[0]


@dataclass(frozen=True)
class ChangedFacts:
    """All facts that change, and the documents before and after."""

    facts: tuple[ChangedFact, ...]
    before: Grounds
    after: Grounds

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the facts and the documents, in hexadecimal: what was asked about others is void."""
        rows = [{**asdict(fact.change), "where": "", "texts": fact.texts} for fact in self.facts]
        content = [rows, self.before.corpus.fingerprint, self.after.corpus.fingerprint]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def rewrite(self, text: str) -> str:
        """A text with the old words of every change replaced, where they stand in it as they are.

        A few characters stand anywhere by chance, so that they are left.
        """
        for fact in self.facts:
            if len(fact.change.old.strip()) >= _LEAST_CHARACTERS:
                text = text.replace(fact.change.old, fact.change.new)
        return text


def changed_facts(task: Task, grounds: Grounds | None, split: Split) -> ChangedFacts | None:
    """Read the changes that a task lists; ``None`` where it lists none.

    What the answer was is what the row says, else that of the example with the same question, else what
    ``old`` has in its place. Raises `DataError`, naming the row, where that is not known and for every
    change that does not fit the documents.
    """
    path = task.document_changes_path
    if path is None or task.document_changes is None or grounds is None:
        return None
    changes = read_changes(path, task.document_changes)
    by_question = examples_by_question(chain(*split))
    trained = examples_by_question((*split.train, *split.dev))
    facts = tuple(
        fact_of(change, by_question, trained, number) for number, change in enumerate(changes, 1)
    )
    return ChangedFacts(facts, grounds, Grounds(changed_corpus(grounds.corpus, changes)))


def examples_by_question(examples: Iterable[Example]) -> dict[str, Example]:
    """Examples by their inputs, as `fact_of` looks them up."""
    return {_plain(example.input): example for example in examples}


def fact_of(
    change: FactChange,
    by_question: Mapping[str, Example],
    trained: Collection[str] = (),
    number: int = 1,
) -> ChangedFact:
    """The fact that changes, with what is right before and after.

    Raises `DataError` where what was right before is not known, or is right after, too.
    """
    question = _plain(change.question)
    example = by_question.get(question)
    old = _former(change, example)
    if not old:
        raise DataError(
            f"{change.where}: what the answer was is not known: its question is no example's, and old and "
            "new differ by more than the answer; add old_answer"
        )
    new = dict.fromkeys([change.answer, *change.accepted, *mirrored(old, change.answer)])
    texts = FactTexts(old, tuple(new))
    if not is_distinct(texts):
        raise DataError(
            f"{change.where}: its answer {change.answer!r} is right before the change, too"
        )
    asked_about = Example(
        id=f"change:{number}",
        input=change.question if example is None else example.input,
        output=change.answer,
        context=() if example is None else example.context,
        accepted=change.accepted,
    )
    return ChangedFact(change, asked_about, texts, question in trained)


def _former(change: FactChange, example: Example | None) -> tuple[str, ...]:
    if change.old_answer is not None:
        return (change.old_answer, *change.old_accepted)
    if example is not None and example.output.strip():
        return (example.output, *example.accepted, *change.old_accepted)
    former = change.former_answer
    return (former, *change.old_accepted) if former else ()


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
