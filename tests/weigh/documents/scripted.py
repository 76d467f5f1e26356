"""Arms with documents whose answers are scripted: they read what stands in their prompt, as a script says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

from steelyard.core import Answer, Completion, EvidencePiece, Example, Split, Usage, clusters_of
from steelyard.model import ModelSpec, load_model
from steelyard.planning.plan import Plan
from steelyard.result.arm import Tokens
from steelyard.result.figures import Gap
from steelyard.retrieve.base import Passage, Retriever
from steelyard.retrieve.documents import Corpus, Document
from steelyard.retrieve.fixed import GoldPassages
from steelyard.retrieve.grounds import Grounds
from steelyard.retrieve.index.passage_index import PassageIndex
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.score.text import ExactMatch
from steelyard.strategy.base import ArmFacts, Brief
from steelyard.strategy.grounding import Grounding, GroundingOptions, Lookup
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.rag import passages_for
from steelyard.weigh.arms import ArmBlocks, MeasuredArm
from steelyard.weigh.measure import quality, to_records

REFUSAL = "Not in the documents."
METRIC = ExactMatch()
Script = Callable[[Example, Sequence[Passage]], str | Answer]
"""What is answered to an example below these passages."""

_THINGS = "pump chain mirror saddle basket lamp lock horn".split()
_MODELS = "Alder Birch Cedar Elm Fir Hazel Larch Maple Oak Pine".split()
FACTS: Mapping[str, str] = {
    f"How heavy is the {thing} of the {model} bicycle?": (
        f"The {thing} of the {model} bicycle weighs {101 + 13 * place + 7 * number} grams on our own scale."
    )
    for place, model in enumerate(_MODELS)
    for number, thing in enumerate(_THINGS)
}


def corpus(pages: Callable[[int], bool] = lambda page: True, per_page: int = 4) -> Corpus:
    """A document for each model, of two pages; only the ``pages`` that count are read."""
    documents = []
    for number, model in enumerate(_MODELS):
        facts = [fact for fact in FACTS.values() if f" {model} " in fact]
        both = [facts[:per_page], facts[per_page:]]
        text = "\n\n".join(" ".join(page) for place, page in enumerate(both) if pages(place))
        documents.append(Document(f"{number}_{model}.md", text))
    return Corpus(tuple(documents))


def with_distractors(read: Corpus, count: int, questions: int = len(FACTS)) -> Corpus:
    """The corpus with so many more documents for each of the first questions, which only ask."""
    more = [
        Document(f"letter_{place}_{number}.md", f"{question} Nobody knows, says letter {number}.")
        for place, question in enumerate(list(FACTS)[:questions])
        for number in range(count)
    ]
    return Corpus((*read.documents, *more))


def examples(unanswerable: int = 0, evidence: bool = True) -> list[Example]:
    """A question for each fact, whose evidence is its sentence; then some that nothing answers."""
    known = [
        Example(
            f"q{place}",
            question,
            fact.split("weighs ")[1].split(" on")[0],
            evidence=(EvidencePiece(fact),) if evidence else (),
        )
        for place, (question, fact) in enumerate(FACTS.items())
    ]
    unknown = [
        Example(f"u{place}", f"What does part {place} cost?", REFUSAL, answerable=False)
        for place in range(unanswerable)
    ]
    return [*known, *unknown]


def reads_well(example: Example, passages: Sequence[Passage]) -> str:
    """Answers rightly, with the right citation, where the answer stands in a passage; else refuses."""
    fact = FACTS.get(example.input)
    for number, passage in enumerate(passages, 1):
        if fact is not None and fact in passage.text:
            return f"{example.output} [{number}]"
    return REFUSAL


def guesses(example: Example, passages: Sequence[Passage]) -> str:
    """Answers rightly as `reads_well` does, and makes something up where that refuses."""
    answer = reads_well(example, passages)
    return "7 tons [1]" if answer == REFUSAL else answer


def rag(
    grounds: Grounds,
    rows: Sequence[Example],
    script: Script,
    *,
    most: int = 60,
    k: int = 3,
    cites: bool = True,
) -> MeasuredArm:
    """An arm that searches by BM25."""
    passages = grounds.passages(most)
    finder = PassageIndex.fit(passages, FinderSettings(legs="bm25"))
    return arm_of("rag", finder, GroundingOptions(k, cites, most=most), rows, script)


def oracle(
    grounds: Grounds, rows: Sequence[Example], script: Script, most: int = 60
) -> MeasuredArm:
    """The ceiling of the same model."""
    passages = grounds.passages(most)
    finder = GoldPassages({row.input: passages_for(grounds, passages, row) for row in rows})
    return arm_of("rag_oracle", finder, GroundingOptions(5, False, most=most), rows, script)


def arm_of(
    name: str,
    finder: Retriever,
    options: GroundingOptions,
    rows: Sequence[Example],
    script: Script,
) -> MeasuredArm:
    grounding = Grounding(finder, options)
    prompt = Prompt(PromptRecipe("Answer.", "system_user", kind="text"), grounding=grounding)
    facts = ArmFacts(name, name, Brief("Answer.", "text"))
    arm = PromptArm(facts, prompt, ModelSpec("fake", "smart"), load_model)
    hits = grounding.hits([row.question for row in rows])
    answers = [
        _settled(grounding, script(row, [hit.passage for hit in some]))
        for row, some in zip(rows, hits, strict=True)
    ]
    records = to_records(name, rows, answers, [METRIC])
    return MeasuredArm(
        arm=arm,
        model=None,
        records=records,
        quality=quality(METRIC, records, rows, 0),
        more_qualities=(),
        tokens=Tokens(),
        search={},
        fit_seconds=0.0,
        training=Usage(),
        gap=Gap(),
        blocks=ArmBlocks(),
    )


def _settled(grounding: Grounding, reply: str | Answer) -> Answer:
    if isinstance(reply, str) and not grounding.options.cites:
        reply = reply.split(" [")[0]  # it was not asked to cite
    answer = reply if isinstance(reply, Answer) else Answer(reply, Completion(reply, "stop"))
    return grounding.settled(answer, "fake:smart", Lookup(0.0))


def plan_of(grounds: Grounds | None, rows: Sequence[Example], metric: Any = METRIC) -> Plan:
    """As much of a plan as the measurement reads."""
    split = Split((), (), tuple(rows))
    clusters_of(rows)
    return cast("Plan", SimpleNamespace(grounds=grounds, split=split, metrics=[metric], seed=0))
