"""A task's documents, read once for a run."""

from __future__ import annotations

import logging

from steelyard.errors import DataError
from steelyard.retrieve.documents import task_documents
from steelyard.retrieve.grounds import Grounds
from steelyard.task import Task
from steelyard.words import counted, listed

log = logging.getLogger("steelyard")


def grounds_of_task(task: Task) -> Grounds | None:
    """Read the documents that a task names; ``None`` where it names none.

    What is not read is logged by name. Raises `DataError` where nothing could be read, and
    `MissingExtraError` where a parser is missing.
    """
    corpus = task_documents(task)
    if corpus is None:
        return None
    refused = corpus.of_state("refused")
    if not corpus.documents:
        lines = listed([str(outcome) for outcome in (*refused, *corpus.of_state("skipped"))])
        raise DataError(f"no document can be read under documents: {lines or 'it is empty'}")
    if refused:
        lines = listed([str(outcome) for outcome in refused])
        log.warning("%s not read: %s", counted(len(refused), "document"), lines)
    return Grounds(corpus)
