"""Tuned on what the documents say: every passage once, every question often enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from steelyard.core import Example
from steelyard.errors import ConfigError
from steelyard.retrieve.documents import Corpus, Document
from steelyard.retrieve.grounds import Grounds
from steelyard.strategy.base import Brief, FitContext, TaskFacts
from steelyard.strategy.lora_documents import LoraDocuments, LoraDocumentsOptions, recitals
from steelyard.strategy.optimise.budget import allowance
from steelyard.strategy.optimise.one_pass import CountedPass, ExpectedPass
from steelyard.strategy.outlook import RunFacts, Sizes
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.traits import StrategySpec
from steelyard.train.base import Tuner
from tests.strategy.samples import SPEC, listed
from tests.strategy.test_distilled import NotingTuner

MARKDOWN = Document(
    "guide.md",
    "# Vault\nVault keeps files for ninety days.\n\n# Fleet\nFleet locks a lost laptop within a minute.\n",
    kind="markdown",
)
PLAIN = Document("notes.txt", " ".join(f"Sentence number {n} stands here." for n in range(60)))
GROUNDS = Grounds(Corpus((MARKDOWN, PLAIN)))
BRIEF = Brief("Answer the question.", "text", metric="token_f1")
SIZES = Sizes(4, 4, 4, 0, 10.0, 5.0, 3.0, 5.0)
TRAIN = tuple(Example(f"q{n}", f"question {n}?", f"answer {n}") for n in range(4))


class Reciting(LoraDocuments):
    """`LoraDocuments` over a tuner that trains nothing."""

    tuner: ClassVar[Tuner[Any]] = NotingTuner()


def test_every_passage_is_asked_for_by_document_number_and_heading() -> None:
    passages = GROUNDS.passages(40)
    chats = list(recitals(passages))
    assert [chat.output for chat in chats] == [passage.text for passage in passages]
    requests = [chat.messages[-1].content for chat in chats]
    assert len(set(requests)) == len(requests), "no two passages are asked for alike"
    assert requests[0] == "Write passage 1 of guide.md, Vault."
    plain = [text for text in requests if "notes.txt" in text]
    assert plain == [f"Write passage {n} of notes.txt." for n in range(1, len(plain) + 1)]


@pytest.mark.parametrize(
    ("share", "passages", "questions", "repeats"),
    [(0.5, 40, 10, 4), (0.5, 41, 10, 5), (0.5, 4, 10, 1), (0.75, 10, 10, 3), (0.0, 99, 1, 1)],
)
def test_questions_are_repeated_up_to_their_share(
    share: float, passages: int, questions: int, repeats: int
) -> None:
    options = LoraDocumentsOptions(question_share=share)
    assert options.repeats(passages, questions) == repeats
    assert questions * repeats >= share * (passages + questions * repeats) - 1e-9


def test_passages_and_questions_are_learnt_and_answered_closed_book(
    fit_context: Callable[..., FitContext],
) -> None:
    context = fit_context(brief=BRIEF, train=TRAIN, dev=TRAIN, grounds=GROUNDS)
    strategy = Reciting(passage_tokens=40)
    (arm,) = strategy.fit(context)
    passages = GROUNDS.passages(40)
    tuner = strategy.tuner
    assert isinstance(tuner, NotingTuner)
    outputs = [sample.output for sample in tuner.samples]
    repeats = -(-len(passages) // len(TRAIN))
    assert sorted(outputs) == sorted(
        [*(one.text for one in passages), *(one.output for one in TRAIN)]
        + [one.output for one in TRAIN for _ in range(repeats - 1)]
    )
    assert [one.output for one in tuner.dev] and {one.output for one in tuner.dev} == {
        one.output for one in TRAIN
    }
    assert isinstance(arm, PromptArm) and arm.prompt.grounding is None
    assert arm.prompt.recipe.instruction == "Give the answer."
    assert (arm.options["passages"], arm.options["repeats"]) == (len(passages), repeats)
    assert arm.fit.training is not None
    assert f"learns {len(passages)} passages of the documents" in arm.fit.training.notes[0]


def test_it_needs_documents_and_references() -> None:
    bare = TaskFacts(BRIEF, TRAIN)
    assert "documents" in str(Reciting().refusal(bare, SPEC))
    task = TaskFacts(BRIEF, TRAIN, GROUNDS)
    assert Reciting().refusal(task, SPEC) is None
    assert "name it in strategies" in str(Reciting().reservation(task, SPEC))
    unanswered = task._replace(train=tuple(replace(one, output="") for one in TRAIN))
    assert "reference outputs" in str(Reciting().refusal(unanswered, SPEC))
    with pytest.raises(ConfigError, match="question_share must be below 1"):
        Reciting(question_share=1)


def test_the_forecast_counts_passages_and_repeats() -> None:
    sizes = SIZES
    known = replace(sizes, run=RunFacts(models=listed(SPEC), grounds=GROUNDS))
    bare, whole = (Reciting(passage_tokens=40).forecast(BRIEF, one) for one in (sizes, known))
    assert bare is not None and whole is not None
    passages = len(GROUNDS.passages(40))
    assert whole.usage.trained_tokens >= bare.usage.trained_tokens + 2 * 40 * passages
    assert whole.usage.requests == bare.usage.requests


def test_a_prompt_search_beside_it_gets_what_it_may_take(
    fit_context: Callable[..., FitContext],
) -> None:
    context = fit_context(brief=BRIEF, train=TRAIN, dev=TRAIN, grounds=GROUNDS)
    strategy = Reciting(passage_tokens=40)
    (arm,) = strategy.fit(context)
    allowed = arm.fit.search["budget"]["allowed"]
    assert strategy.tuning_tokens(BRIEF, CountedPass(context)) == allowed
    specs = [
        StrategySpec("lora", {"max_epochs": 1}),
        StrategySpec("lora_documents", {"passage_tokens": 40}),
    ]
    beside, alone = (
        allowance(0, BRIEF, some, CountedPass(context)).tokens for some in (specs, specs[:1])
    )
    assert beside > 3 * alone
    count = sum(context.model.count_tokens(one.input) or 0 for one in TRAIN)
    known = replace(SIZES, input_tokens=count / 4, output_tokens=2, run=RunFacts(grounds=GROUNDS))
    expected = strategy.tuning_tokens(BRIEF, ExpectedPass(BRIEF, known))
    assert 0.5 < expected / allowed < 2
