"""An arm after its documents changed: its index brought up to date, its settings as they were."""

from __future__ import annotations

import copy
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TypeGuard

from steelyard.model.encoder import Encoder
from steelyard.retrieve.base import Passage, Retriever
from steelyard.retrieve.documents import split_passages
from steelyard.retrieve.fixed import WholeDocuments
from steelyard.retrieve.grounds import Grounds
from steelyard.retrieve.index.dense import DenseLeg
from steelyard.retrieve.index.lance import LanceIndex
from steelyard.retrieve.index.passage_index import PassageIndex
from steelyard.retrieve.index.update import IndexChange, updated
from steelyard.retrieve.index.vector_cache import CachedEncoder
from steelyard.strategy.base import Arm, traits_of
from steelyard.strategy.cascade_arm import CascadeArm
from steelyard.strategy.grounding import Grounding
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.prompting import PromptArm

_WARM = "warm"


class UnknownDocumentsError(Exception):
    """How an arm holds its documents is not known, so that they cannot be changed."""


@dataclass(frozen=True)
class ChangedDocuments:
    """The documents before and after, and what the changes make of a text that holds their old words."""

    before: Grounds
    after: Grounds
    rewrite: Callable[[str], str] = str


@dataclass(frozen=True)
class IndexUpdate:
    """What bringing an index up to date took: wall seconds, and of its ``passages`` those read anew.

    ``encoded`` of them went through the sentence encoder; ``is_priced`` says whether that is this machine's.
    """

    seconds: float = 0.0
    passages: int = 0
    added: int = 0
    removed: int = 0
    encoded: int = 0
    is_priced: bool = True

    def __add__(self, other: IndexUpdate) -> IndexUpdate:
        return IndexUpdate(
            self.seconds + other.seconds,
            self.passages + other.passages,
            self.added + other.added,
            self.removed + other.removed,
            self.encoded + other.encoded,
            self.is_priced and other.is_priced,
        )


@dataclass(frozen=True)
class FreshArm:
    """An arm over the changed documents.

    ``index`` is what the update of its passages took, ``None`` where it looks none up; ``is_whole`` says
    that all documents stand in its prompt, ``is_rewritten`` that its instruction held a fact that changed.
    """

    arm: Arm
    index: IndexUpdate | None = None
    is_whole: bool = False
    is_rewritten: bool = False


def fresh_arm(arm: Arm, documents: ChangedDocuments) -> FreshArm | None:
    """Return the arm over the changed documents; ``None`` where nothing of it changes.

    Its own arm is left as it is. Shots stay: they are examples, and only a new fit chooses others.
    Raises `UnknownDocumentsError`.
    """
    if isinstance(arm, CascadeArm):
        return _fresh_cascade(arm, documents)
    if not isinstance(arm, PromptArm):
        if traits_of(arm.strategy).carries == "documents":
            raise UnknownDocumentsError
        return None
    prompt, recipe = arm.prompt, arm.prompt.recipe
    instruction = documents.rewrite(recipe.instruction)
    is_rewritten = instruction != recipe.instruction
    if is_rewritten:
        prompt = replace(prompt, recipe=replace(recipe, instruction=instruction))
    if prompt.grounding is None:
        return FreshArm(arm.under(prompt), is_rewritten=True) if is_rewritten else None
    finder = prompt.grounding.finder
    if isinstance(finder, WholeDocuments):
        whole = documents.after.whole
        options = replace(prompt.grounding.options, k=max(1, len(whole)))
        fresh = replace(prompt, grounding=Grounding(WholeDocuments(whole), options))
        return FreshArm(arm.under(fresh), is_whole=True, is_rewritten=is_rewritten)
    if _can_change(finder) and prompt.grounding.options.most:
        fresh, update = _fresh_index(prompt, prompt.grounding, finder, documents)
        return FreshArm(arm.under(fresh), update, is_rewritten=is_rewritten)
    raise UnknownDocumentsError


def _fresh_cascade(arm: CascadeArm, documents: ChangedDocuments) -> FreshArm | None:
    parts = [fresh_arm(part, documents) for part in arm.parts]
    changed = [part for part in parts if part is not None]
    if not changed:
        return None
    both = copy.copy(arm)
    both.first, both.then = (
        part if fresh is None else fresh.arm for part, fresh in zip(arm.parts, parts, strict=True)
    )
    updates = [part.index for part in changed if part.index is not None]
    return FreshArm(
        both,
        sum(updates, IndexUpdate()) if updates else None,
        any(part.is_whole for part in changed),
        any(part.is_rewritten for part in changed),
    )


def _fresh_index(
    prompt: Prompt,
    grounding: Grounding,
    index: PassageIndex | LanceIndex,
    documents: ChangedDocuments,
) -> tuple[Prompt, IndexUpdate]:
    """Cut the changed documents with the same sizes, and update the index, or a copy of one in LanceDB.

    What other documents' passages are is taken over, and the user's cache of vectors is left out, so that
    the seconds are those of a change that nobody has indexed before.
    """
    fresh: PassageIndex | LanceIndex
    encoder = _uncached(index)
    if isinstance(index, PassageIndex):
        index = _searched_by(index, encoder)
    started = time.perf_counter()
    passages = _passages(grounding, index, documents)
    if isinstance(index, LanceIndex):
        fresh, change = _updated_copy(index, passages, encoder)
    else:
        fresh, change = updated(index, passages, index.settings, encoder)
    seconds = time.perf_counter() - started
    update = IndexUpdate(
        seconds,
        len(passages),
        change.added,
        change.removed,
        change.encoded,
        encoder is None or not encoder.recipe,
    )
    return replace(prompt, grounding=replace(grounding, finder=fresh)), update


def _passages(
    grounding: Grounding, index: PassageIndex | LanceIndex, documents: ChangedDocuments
) -> list[Passage]:
    options, before = grounding.options, documents.before.corpus
    by_document = {
        name: list(some)
        for name, some in groupby(
            index.passages, lambda one: None if one.span is None else one.span.document
        )
    }
    passages: list[Passage] = []
    for document in documents.after.corpus.documents:
        if before.document(document.name) == document:
            passages += by_document.get(document.name, ())
        else:
            overlap = min(options.overlap, options.most - 1)
            passages += split_passages(document, most=options.most, overlap=overlap)
    return passages


def _updated_copy(
    index: LanceIndex, passages: Sequence[Passage], encoder: Encoder | None
) -> tuple[LanceIndex, IndexChange]:
    """The index of ``passages`` in a folder that goes when nothing uses it any more."""
    folder = Path(tempfile.mkdtemp(prefix="steelyard-"))
    try:
        fresh, change = index.updated(passages, folder, encoder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(fresh, shutil.rmtree, folder, ignore_errors=True)
    return fresh, change


def _can_change(finder: Retriever) -> TypeGuard[PassageIndex | LanceIndex]:
    """Whether a changed copy of an index can be made: not where nothing is written, in an object store."""
    return isinstance(finder, PassageIndex) or (isinstance(finder, LanceIndex) and finder.is_local)


def _uncached(index: PassageIndex | LanceIndex) -> Encoder | None:
    """The encoder of an index, if it has one, ready, and asking no cache."""
    if isinstance(index, LanceIndex):
        encoder = index.encoder
    else:
        encoder = None if index.dense is None else index.dense.encoder()
    if isinstance(encoder, CachedEncoder):
        encoder = encoder.inner
    if encoder is not None:
        encoder.encode([_WARM])
    return encoder


def _searched_by(index: PassageIndex, encoder: Encoder | None) -> PassageIndex:
    """The index with ``encoder`` in place of its own."""
    dense = index.dense
    if dense is None or encoder is None:
        return index
    leg = DenseLeg(dense.vectors, dense.starts, lambda: encoder, dense.fingerprint, dense.recipe)
    return PassageIndex(index.passages, index.settings, index.bm25, leg, index.labels, index.hashes)
