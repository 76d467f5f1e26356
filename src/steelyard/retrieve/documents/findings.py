"""What an audit says of documents: what was read, what was not, and what is doubtful about the rest."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple, get_args

from steelyard.data.base import Finding
from steelyard.retrieve.documents.base import NOT_LISTED, Corpus, Document, FileOutcome, FileState
from steelyard.words import counted, listed, one_line

CHECK = "documents"
NEARLY_EMPTY = 40
"""Characters that are not white space: a shorter document holds nothing to look up."""
_SHOWN = 50
_MOST_CHARACTERS = 200
_SCANNED = re.compile(r"no text[^;]*scanned\?")


class DocumentsFindings(NamedTuple):
    """The figures of a corpus, and what is wrong or worth knowing."""

    facts: dict[str, Any]
    findings: tuple[Finding, ...]


def documents_findings(corpus: Corpus, most: int | None = None) -> DocumentsFindings:
    """Judge what `read_documents` returned; evidence names the file or document as its ``source``.

    Counts are of all; of the files of one state and of hidden texts the first ``most`` are listed.
    """
    facts = {
        "documents": len(corpus.documents),
        "characters": sum(len(document.text) for document in corpus.documents),
        "fingerprint": corpus.fingerprint,
        **_files(corpus, most),
        **_hidden_facts(corpus.documents, most),
    }
    every = (
        _nothing(corpus),
        _refused(corpus),
        _hidden(corpus.documents),
        _scanned(corpus),
        _notes(corpus),
        _skipped(corpus),
        _repeated(corpus.documents),
        _nearly_empty(corpus.documents),
    )
    return DocumentsFindings(facts, tuple(finding for finding in every if finding is not None))


def _files(corpus: Corpus, most: int | None) -> dict[str, Any]:
    by_state = {state: corpus.of_state(state) for state in get_args(FileState)}
    return {
        "files": {state: len(outcomes) for state, outcomes in by_state.items()},
        "outcomes": [
            {
                "name": outcome.name,
                "state": outcome.state,
                "reason": outcome.reason,
                "notes": list(outcome.notes),
                "documents": outcome.documents,
            }
            for outcome in sorted(
                chain.from_iterable(outcomes[:most] for outcomes in by_state.values()),
                key=lambda outcome: outcome.name,
            )
        ],
        "files_not_listed": {
            state: len(outcomes) - most
            for state, outcomes in by_state.items()
            if most is not None and len(outcomes) > most
        },
    }


def _hidden_facts(documents: Sequence[Document], most: int | None) -> dict[str, Any]:
    every = [(document, item) for document in documents for item in document.hidden]
    kinds: Counter[str] = Counter()
    for _, item in every:
        kinds[item.kind] += item.texts
    texts = [(document, item) for document, item in every if item.kind != NOT_LISTED][:most]
    return {
        "hidden": dict(kinds),
        "hidden_texts": [
            {"document": document.name, "kind": item.kind, "place": item.where}
            for document, item in texts
        ],
        "hidden_not_listed": kinds.total() - len(texts),
    }


def _nothing(corpus: Corpus) -> Finding | None:
    if corpus.documents:
        return None
    return Finding(
        CHECK, "error", "no document could be read: there is nothing to look up", count=0
    )


def _refused(corpus: Corpus) -> Finding | None:
    refused = corpus.of_state("refused")
    message = f"{counted(len(refused), 'file')} could not be read, and will not be looked up in"
    return _of_files("error", message, refused)


def _skipped(corpus: Corpus) -> Finding | None:
    skipped = [o for o in corpus.of_state("skipped") if not _SCANNED.search(o.reason)]
    message = f"{counted(len(skipped), 'file or folder', 'files and folders')} passed over"
    return _of_files("note", message, skipped)


def _scanned(corpus: Corpus) -> Finding | None:
    scanned = [
        outcome
        for outcome in corpus.outcomes
        if any(_SCANNED.search(text) for text in (outcome.reason, *outcome.notes))
    ]
    message = (
        f"{counted(len(scanned), 'file has', 'files have')} pages that hold no text, and seem scanned: read "
        "them with OCR first, or what is on them is not looked up"
    )
    return _of_files("warning", message, scanned)


def _notes(corpus: Corpus) -> Finding | None:
    noted = [
        outcome._replace(notes=notes)
        for outcome in corpus.of_state("read")
        if (notes := tuple(note for note in outcome.notes if not _SCANNED.search(note)))
    ]
    message = f"{counted(len(noted), 'file was', 'files were')} read with a remark"
    return _of_files("note", message, noted)


def _hidden(documents: Sequence[Document]) -> Finding | None:
    every = [(document, item) for document in documents for item in document.hidden]
    if not every:
        return None
    kinds: Counter[str] = Counter()
    for _, item in every:
        kinds[item.kind] += item.texts
    files = len({document.name for document, _ in every})
    named = listed(
        [f"{kind.replace('_', ' ')} {count:,}" for kind, count in kinds.most_common()], 8
    )
    message = (
        f"{counted(kinds.total(), 'text')} that no reader sees, in {counted(files, 'document')} ({named}): "
        "models are not shown it unless the task says documents: {files: …, hidden: keep}"
    )
    evidence = tuple(
        _evidence(
            document.name, one_line(item.text, _MOST_CHARACTERS), kind=item.kind, place=item.where
        )
        for document, item in every[:_SHOWN]
    )
    return Finding(CHECK, "warning", message, evidence=evidence, count=kinds.total())


def _repeated(documents: Sequence[Document]) -> Finding | None:
    alike: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        alike[document.sha256].append(document)
    groups = [group for group in alike.values() if len(group) > 1]
    more = sum(len(group) - 1 for group in groups)
    if not groups:
        return None
    message = (
        f"{counted(more, 'document repeats', 'documents repeat')} another to the letter: each takes a place "
        "among what is found"
    )
    evidence = tuple(
        _evidence(
            group[0].name,
            one_line(group[0].text, _MOST_CHARACTERS),
            same_as=[d.name for d in group[1:6]],
        )
        for group in groups[:_SHOWN]
    )
    return Finding(CHECK, "warning", message, evidence=evidence, count=more)


def _nearly_empty(documents: Sequence[Document]) -> Finding | None:
    few = [
        d
        for d in documents
        if len(d.text) < 10 * NEARLY_EMPTY and len("".join(d.text.split())) < NEARLY_EMPTY
    ]
    if not few:
        return None
    message = f"{counted(len(few), 'document holds', 'documents hold')} fewer than {NEARLY_EMPTY} characters"
    evidence = tuple(_evidence(d.name, one_line(d.text, _MOST_CHARACTERS)) for d in few[:_SHOWN])
    return Finding(CHECK, "note", message, evidence=evidence, count=len(few))


def _of_files(severity: Any, message: str, outcomes: Sequence[FileOutcome]) -> Finding | None:
    if not outcomes:
        return None
    evidence = tuple(
        _evidence(outcome.name, "", why=outcome.reason or "; ".join(outcome.notes))
        for outcome in outcomes[:_SHOWN]
    )
    return Finding(CHECK, severity, message, evidence=evidence, count=len(outcomes))


def _evidence(source: str, text: str, **more: Any) -> dict[str, Any]:
    return {"row": 0, "source": source, "input": text, "output": "", **more}
