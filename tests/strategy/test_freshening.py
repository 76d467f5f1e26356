"""An arm over changed documents: only what changed is read again, and its settings stay."""

from __future__ import annotations

import gc
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard.core import Question, Request
from steelyard.model import ModelSpec
from steelyard.model.fake_script import ScriptedModel
from steelyard.retrieve.documents import Corpus, Document
from steelyard.retrieve.fixed import GoldPassages, WholeDocuments
from steelyard.retrieve.grounds import Grounds
from steelyard.retrieve.index.lance import LanceIndex
from steelyard.retrieve.index.passage_index import PassageIndex
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.retrieve.index.vector_cache import CachedEncoder, VectorCache
from steelyard.strategy.base import ArmFacts, Brief
from steelyard.strategy.cascade_arm import CascadeArm
from steelyard.strategy.freshening import ChangedDocuments, UnknownDocumentsError, fresh_arm
from steelyard.strategy.grounding import Grounding, GroundingOptions
from steelyard.strategy.majority import MajorityArm
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompting import PromptArm
from tests.retrieve.index.concepts import ConceptEncoder

BRIEF = Brief("Answer.", "text", metric="exact_match")
LONG = "Pump P1 holds 3.1 bar at most. It is green. " + "Steel is strong and does not rust. " * 8
SECOND = "Pump P1 weighs 9 kg with its feet. It stands on the floor. It was made in May."
BEFORE = Corpus(
    (
        Document("p1.md", LONG + SECOND),
        Document("p2.md", "Pump P2 holds 4 bar."),
        Document("x.md", "Gone."),
    )
)
AFTER = Corpus(
    (
        replace(BEFORE.documents[0], text=(LONG + SECOND).replace("9 kg", "12 kg")),
        BEFORE.documents[1],
    )
)
DOCUMENTS = ChangedDocuments(
    Grounds(BEFORE), Grounds(AFTER), lambda text: text.replace("9 kg", "12 kg")
)
MOST, OVERLAP = 80, 0
QUESTION = Question("What does pump P1 weigh?")


def encoder() -> ConceptEncoder:
    words = "pump p1 p2 holds weighs kg bar steel".split()
    return ConceptEncoder({word: place for place, word in enumerate(words)})


def reading(request: Request) -> str:
    return "12 kg" if "12 kg" in request.messages[-1].content else "9 kg"


def arm_with(
    grounding: Grounding | None, instruction: str = "Answer.", name: str = "rag"
) -> PromptArm:
    recipe = PromptRecipe(instruction, "system_user", kind="text")
    model = ScriptedModel(reading)
    facts = ArmFacts(name, name, BRIEF, {})
    prompt = Prompt(recipe, grounding=grounding)
    return PromptArm(facts, prompt, ModelSpec("fake", "smart"), lambda spec: model)


def indexed(counting: ConceptEncoder | CachedEncoder | None, settings: FinderSettings) -> PromptArm:
    passages = Grounds(BEFORE).passages(MOST, OVERLAP)
    index = PassageIndex.fit(passages, settings, counting)
    return arm_with(Grounding(index, GroundingOptions(1, most=MOST, overlap=OVERLAP)))


def test_of_two_passages_only_the_changed_one_is_encoded() -> None:
    counting, settings = encoder(), FinderSettings("convex", 0.7, (2,))
    arm = indexed(counting, settings)
    assert len(Grounds(BEFORE).passages(MOST, OVERLAP)) == 4, (
        "two of them are of the changed document"
    )
    counting.calls.clear()
    fresh = fresh_arm(arm, DOCUMENTS)
    assert fresh is not None and fresh.index is not None
    update = fresh.index
    assert (update.passages, update.added, update.removed, update.encoded) == (3, 1, 2, 1)
    [changed] = [one for one in Grounds(AFTER).passages(MOST, OVERLAP) if "12 kg" in one.text]
    assert counting.calls[0] == "warm", "so that loading the encoder is not in the seconds"
    assert counting.calls[1:] and all(text in changed.text for text in counting.calls[1:])

    asked: list[str | None] = [one.answer_all([QUESTION])[0].output for one in (arm, fresh.arm)]
    assert asked == ["9 kg", "12 kg"], "the arm itself still reads what it was fitted on"


def test_the_index_is_that_of_a_fresh_one_with_the_same_settings() -> None:
    settings = FinderSettings("convex", 0.7, (2,))
    fresh = fresh_arm(indexed(encoder(), settings), DOCUMENTS)
    assert fresh is not None and isinstance(fresh.arm, PromptArm)
    grounding = fresh.arm.prompt.grounding
    assert grounding is not None and isinstance(grounding.finder, PassageIndex)
    index = grounding.finder
    new = PassageIndex.fit(Grounds(AFTER).passages(MOST, OVERLAP), settings, encoder())
    assert list(index.passages) == list(new.passages) and index.settings == settings
    texts = ["pump p1", "12 kg", "gone", "steel"]
    assert index.find(texts, 5) == new.find(texts, 5)
    assert grounding.options == GroundingOptions(1, most=MOST, overlap=OVERLAP)


def test_a_deleted_document_is_found_no_more() -> None:
    arm = indexed(encoder(), FinderSettings("bm25"))
    fresh = fresh_arm(arm, DOCUMENTS)
    assert fresh is not None and isinstance(fresh.arm, PromptArm)
    hits = [
        one.prompt.grounding.hits([Question("gone")])[0]
        for one in (arm, fresh.arm)
        if one.prompt.grounding
    ]
    assert [len(some) for some in hits] == [1, 0]


def test_without_an_encoder_nothing_is_encoded() -> None:
    fresh = fresh_arm(indexed(None, FinderSettings("bm25")), DOCUMENTS)
    assert fresh is not None and fresh.index is not None
    assert (fresh.index.added, fresh.index.encoded) == (1, 0) and fresh.index.is_priced


def test_the_users_cache_of_vectors_does_not_shorten_the_time(tmp_path: Path) -> None:
    inner = encoder()
    cached = CachedEncoder(inner, VectorCache(tmp_path / "vectors.db"))
    arm = indexed(cached, FinderSettings("convex", 0.5, (2,)))
    for _ in range(2):
        inner.calls.clear()
        assert fresh_arm(arm, DOCUMENTS) is not None
        assert any("12 kg" in text for text in inner.calls)


def test_whole_documents_are_those_after_the_change() -> None:
    whole = Grounds(BEFORE).whole
    arm = arm_with(
        Grounding(WholeDocuments(whole), GroundingOptions(len(whole))), name="long_context"
    )
    fresh = fresh_arm(arm, DOCUMENTS)
    assert fresh is not None and fresh.is_whole and fresh.index is None
    assert isinstance(fresh.arm, PromptArm) and fresh.arm.prompt.grounding is not None
    [asked] = fresh.arm.prompt.grounding.asked([QUESTION])
    assert "12 kg" in asked.input and "Gone." not in asked.input


def test_a_prompt_follows_only_where_it_holds_the_fact() -> None:
    assert fresh_arm(arm_with(None, name="zero_shot"), DOCUMENTS) is None
    fresh = fresh_arm(arm_with(None, "A P1 weighs 9 kg.", "zero_shot"), DOCUMENTS)
    assert fresh is not None and fresh.is_rewritten and isinstance(fresh.arm, PromptArm)
    assert fresh.arm.prompt.recipe.instruction == "A P1 weighs 12 kg."


def test_a_cascade_follows_with_its_parts() -> None:
    plain, rag = arm_with(None, name="zero_shot"), indexed(None, FinderSettings("bm25"))
    cascade = CascadeArm(ArmFacts("cascade", "cascade", BRIEF, {}), (plain, rag), 0.5)
    fresh = fresh_arm(cascade, DOCUMENTS)
    assert fresh is not None and isinstance(fresh.arm, CascadeArm) and fresh.index is not None
    assert fresh.arm.first is plain and fresh.arm.then is not rag and cascade.then is rag
    both = CascadeArm(ArmFacts("cascade", "cascade", BRIEF, {}), (plain, plain), 0.5)
    assert fresh_arm(both, DOCUMENTS) is None


def test_what_holds_documents_in_a_way_that_is_not_known_is_no_arm_without_changes() -> None:
    arm = arm_with(Grounding(GoldPassages({}), GroundingOptions(1)))
    with pytest.raises(UnknownDocumentsError):
        fresh_arm(arm, DOCUMENTS)


def test_an_arm_without_a_prompt_does_not_change() -> None:
    arm = MajorityArm(ArmFacts("majority", "majority", BRIEF, {}), "x", {"x": 1.0})
    assert fresh_arm(arm, DOCUMENTS) is None


def in_lance(folder: Path, counting: ConceptEncoder | None, settings: FinderSettings) -> PromptArm:
    passages = Grounds(BEFORE).passages(MOST, OVERLAP)
    index = LanceIndex.fit(passages, folder, settings, counting)
    return arm_with(Grounding(index, GroundingOptions(1, most=MOST, overlap=OVERLAP)))


def test_a_copy_of_an_index_in_lancedb_is_changed_and_goes_with_the_arm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lancedb")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    counting = encoder()
    arm = in_lance(tmp_path / "db", counting, FinderSettings("convex", 0.7, (2,)))
    counting.calls.clear()
    fresh = fresh_arm(arm, DOCUMENTS)
    assert fresh is not None and fresh.index is not None
    update = fresh.index
    assert (update.passages, update.added, update.removed, update.encoded) == (3, 1, 2, 1)
    [changed] = [one for one in Grounds(AFTER).passages(MOST, OVERLAP) if "12 kg" in one.text]
    assert counting.calls[0] == "warm" and all(text in changed.text for text in counting.calls[1:])
    outputs = [one.answer_all([QUESTION])[0].output for one in (arm, fresh.arm)]
    assert outputs == ["9 kg", "12 kg"]
    assert list((tmp_path / "scratch").iterdir())
    del fresh
    gc.collect()
    assert not list((tmp_path / "scratch").iterdir())


def test_an_index_in_an_object_store_is_left_as_it_is(tmp_path: Path) -> None:
    pytest.importorskip("lancedb")
    arm = in_lance(tmp_path, None, FinderSettings("bm25"))
    grounding = arm.prompt.grounding
    assert grounding is not None
    vars(grounding.finder)["_uri"] = "s3://bucket/folder"
    with pytest.raises(UnknownDocumentsError):
        fresh_arm(arm, DOCUMENTS)
