"""An arm after its documents changed: its index brought up to date, its settings as they were."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby

from steelyard.model.encoder import Encoder
from steelyard.retrieve.base import Passage
from steelyard.retrieve.documents import split_passages
from steelyard.retrieve.fixed import WholeDocuments
from steelyard.retrieve.grounds import Grounds
from steelyard.retrieve.index.dense import DenseLeg
from steelyard.retrieve.index.passage_index import PassageIndex
from steelyard.retrieve.index.update import updated
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
    if isinstance(finder, PassageIndex) and prompt.grounding.options.most:
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
    prompt: Prompt, grounding: Grounding, index: PassageIndex, documents: ChangedDocuments
) -> tuple[Prompt, IndexUpdate]:
    """Cut the changed documents with the same sizes, and update the index.

    What other documents' passages are is taken over, and the user's cache of vectors is left out, so that
    the seconds are those of a change that nobody has indexed before.
    """
    index, encoder = _uncached(index)
    started = time.perf_counter()
    passages = _passages(grounding, index, documents)
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
    grounding: Grounding, index: PassageIndex, documents: ChangedDocuments
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


def _uncached(index: PassageIndex) -> tuple[PassageIndex, Encoder | None]:
    """The index with an encoder that is ready and asks no cache, and that encoder, if it has one."""
    dense = index.dense
    if dense is None:
        return index, None
    encoder = dense.encoder()
    if isinstance(encoder, CachedEncoder):
        encoder = encoder.inner
    encoder.encode([_WARM])
    leg = DenseLeg(dense.vectors, dense.starts, lambda: encoder, dense.fingerprint, dense.recipe)
    return (
        PassageIndex(index.passages, index.settings, index.bm25, leg, index.labels, index.hashes),
        encoder,
    )
