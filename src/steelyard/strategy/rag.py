"""The instruction with the passages of the documents that are nearest to each input."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from steelyard.config.options import Several, one_of
from steelyard.core import Example, OutputKind, Usage
from steelyard.errors import ConfigError
from steelyard.model.base import ModelSpec
from steelyard.model.encoder import Encoder
from steelyard.model.planned import PlannedModel
from steelyard.output_kinds import KINDS
from steelyard.retrieve.base import Passage, Retriever
from steelyard.retrieve.grounds import Grounds
from steelyard.retrieve.index.choose import FinderFigures, choose_finder
from steelyard.retrieve.index.encoders import CountedEncoder
from steelyard.retrieve.index.lance import LanceIndex
from steelyard.retrieve.index.passage_index import PassageIndex
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.retrieve.index.terms import LANGUAGES, NO_STEMMING
from steelyard.strategy.base import Arm, Brief, FitContext, TaskFacts
from steelyard.strategy.encoding import LOCAL, EncoderChoice
from steelyard.strategy.forecasting import chat_tokens, shot_tokens
from steelyard.strategy.formats import Shot
from steelyard.strategy.grounding import Grounding, GroundingOptions
from steelyard.strategy.outlook import Sizes
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.prompt_search import (
    DevEvaluator,
    FormatName,
    SearchOptions,
    SearchSpace,
    format_names,
)
from steelyard.strategy.prompt_strategy import PromptStrategy
from steelyard.strategy.search import SearchCandidate
from steelyard.strategy.traits import ShotLimits, Traits
from steelyard.words import counted

log = logging.getLogger("steelyard")

NO_DOCUMENTS = "the task names no documents"
NO_TEXT = "its documents hold no text"
FILES, LANCE = "files", "lance"
_MARKS = 24
"""Tokens around a passage: its number and its source."""


class RagOptions(SearchOptions):
    """The search over formats, the tokens of a passage, their number ``k``, shots and citations.

    Every size of passage is tried with every ``k`` that fits into ``max_prompt_tokens``, with the first of
    ``shots`` and of ``cites``; the smallest size with its median ``k`` with the others, too. Only text can
    cite: labels and JSON are asked for without. How passages are searched is chosen before, by the dev and
    train questions whose evidence is known. ``encoder`` reads for meaning: ``local``, an endpoint's model
    (``openai:text-embedding-3-small``), or ``none``. ``store`` keeps the chosen index in ``files`` beside
    the arm, in LanceDB there (``lance``), or in an object store.
    """

    formats: Several[FormatName] = ("system_user", "user_turn", "labelled_turns")
    screen: NonNegativeInt = 24
    dev_items: NonNegativeInt = 60
    passage_tokens: Several[PositiveInt] = (120, 240)
    overlap: NonNegativeInt = 20
    k: Several[PositiveInt] = (1, 3, 5)
    shots: Several[NonNegativeInt] = (2, 0, 4)
    cites: Several[bool] = (True, False)
    delimits: bool = True
    language: Annotated[str, one_of("language", lambda: (NO_STEMMING, *LANGUAGES))] = "english"
    windows: Several[Annotated[int, Field(ge=0, le=50)]] = (3,)
    max_prompt_tokens: PositiveInt = 2000
    encoder: Any = LOCAL
    store: str = FILES

    @model_validator(mode="after")
    def _fits(self) -> RagOptions:
        least = min(self.passage_tokens)
        if self.overlap >= least:
            raise ValueError(f"overlap {self.overlap} must be below passage_tokens, {least}")
        if (least + _MARKS) * min(self.k) > self.max_prompt_tokens:
            raise ValueError(
                f"max_prompt_tokens {self.max_prompt_tokens} cannot hold {counted(min(self.k), 'passage')} "
                f"of {least} tokens: raise it, or lower k or passage_tokens"
            )
        return self

    @field_validator("store")
    @classmethod
    def _known_store(cls, store: str) -> str:
        if store not in (FILES, LANCE) and "://" not in store:
            raise ValueError(
                f"write {FILES}, {LANCE}, or the address of an object store (s3://BUCKET/FOLDER), "
                f"not {store!r}"
            )
        return store


@dataclass(frozen=True)
class _Way:
    """One way to ask: passages of ``most`` tokens, ``k`` of them, with ``shots`` solved examples."""

    most: int
    k: int
    shots: int
    cites: bool

    @property
    def tokens(self) -> int:
        """Of all passages in the prompt, those of the shots among them: at most."""
        return (self.most + _MARKS) * (self.k + self.shots)

    @property
    def name(self) -> str:
        parts = [f"{self.k} of {self.most} tokens", f"{self.shots} shots" if self.shots else ""]
        return ", ".join(filter(None, [*parts, "cited" if self.cites else "uncited"]))


class Rag(PromptStrategy):
    """Chooses how to search on questions with evidence, then formats, passages and shots on dev."""

    name: ClassVar[str] = "rag"
    traits: ClassVar[Traits] = Traits(
        family="retrieval",
        about="instruction and passages of the documents",
        carries="documents",
    )
    options_type = RagOptions
    config: RagOptions

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.encoder = EncoderChoice.parse(self.config.encoder)

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        return documents_refusal(task) or super().refusal(task, model)

    def check(self, task: TaskFacts, models: Sequence[PlannedModel]) -> None:
        super().check(task, models)
        kind, config = task.brief.kind, self.config
        if not KINDS[kind].can_cite and "cites" in config.model_fields_set and True in config.cites:
            raise ConfigError(
                f"strategy {self.name}, option cites: true needs output kind text, and the task's is "
                f"{kind}: a label or JSON has no room for a citation; leave cites out"
            )

    @property
    def encoders(self) -> tuple[ModelSpec, ...]:
        """The endpoint that reads the passages, where one does."""
        spec = self.encoder.spec
        return () if spec is None else (spec,)

    def shot_limits(self, kind: OutputKind, labels: int) -> ShotLimits:
        return ShotLimits(self.config.shots, self.config.max_prompt_tokens)

    def ways(self, kind: OutputKind) -> list[_Way]:
        """The ways to compare for a kind of output, from short to long."""
        config = self.config
        first, *others = config.cites if KINDS[kind].can_cite else (False,)
        ways = [
            _Way(most, k, config.shots[0], first)
            for most in sorted(set(config.passage_tokens))
            for k in sorted(set(config.k))
        ]
        middle = ways[len(set(config.k)) // 2]
        ways += [replace(middle, cites=cites) for cites in others]
        ways += [replace(middle, shots=shots) for shots in config.shots[1:]]
        fitting = [way for way in ways if way.tokens <= config.max_prompt_tokens] or ways[:1]
        return sorted(dict.fromkeys(fitting), key=lambda way: way.tokens)

    def describe(self, prompt: Prompt) -> Mapping[str, Any]:
        grounding = prompt.grounding
        if grounding is None:
            return {}
        index = self._indexes.by_size[grounding.options.most]
        return {
            **described(grounding),
            "finder": str(index.settings),
            "passages": len(index.passages),
            "store": self.config.store,
        }

    def fit(self, context: FitContext) -> list[Arm]:
        """Index the documents, choose on dev, and note what indexing took and how finding was chosen."""
        self.require_fit(context.task)
        started = time.perf_counter()
        self._indexes = Indexes.of(context, self.config)
        seconds, embedded = time.perf_counter() - started, self._indexes.embedded
        arms = super().fit(context)
        for arm in arms:
            search = {**arm.fit.search, "finding": self._indexes.record}
            arm.fit = replace(arm.fit, search=search, seconds=seconds, embedded=embedded)
        return arms

    def space(self, evaluator: DevEvaluator) -> SearchSpace[SearchCandidate[Prompt]]:
        """Formats are screened with the shortest way; all ways are compared in the best one."""
        formats, ways = format_names(self.config), self.ways(evaluator.context.brief.kind)
        indexes = self._indexes

        def candidate(name: str, format_name: str, way: _Way) -> SearchCandidate[Prompt]:
            options = GroundingOptions(
                way.k, way.cites, self.config.delimits, way.most, self.config.overlap
            )
            grounding = Grounding(indexes.stored[way.most], options)
            passages = indexes.by_size[way.most].passages
            train = evaluator.context.train
            shots = grounded_shots(grounding, indexes.grounds, passages, train, way.shots)
            prompt = Prompt(evaluator.recipe(format_name, shots), grounding=grounding)
            return SearchCandidate(name, prompt, prompt.recipe.length + 4 * way.most * way.k)

        return evaluator.space(
            [candidate(way.name, formats[0], way) for way in ways],
            screened=[candidate(name, name, ways[0]) for name in formats],
        )

    def expected_space(self, brief: Brief, sizes: Sizes) -> SearchSpace[Usage]:
        """The same with passages that are all full; only the instruction is shared by all inputs."""
        prompts = [
            chat_tokens(sizes, way.tokens + way.shots * shot_tokens(sizes))
            for way in self.ways(brief.kind)
        ]
        screened = prompts[:1] * len(format_names(self.config))
        return self.sized(brief, sizes, prompts, screened, sizes.instruction_tokens)


@dataclass
class Indexes:
    """The documents, indexed at each size of passage, each searched as dev and train say is best."""

    grounds: Grounds
    by_size: Mapping[int, PassageIndex]
    stored: Mapping[int, Retriever]
    record: Mapping[str, Any]
    embedded: Mapping[str, float]
    """Tokens that an endpoint was asked to encode, by its account."""

    @classmethod
    def of(cls, context: FitContext, options: RagOptions) -> Indexes:
        """Index and choose; without a sentence encoder by BM25 alone, which is said."""
        grounds, known = grounds_of(context), EncoderChoice.parse(options.encoder).open()
        questions = [*context.dev, *context.train]
        by_size, record = {}, {}
        for most in sorted(set(options.passage_tokens)):
            passages = grounds.passages(most, min(options.overlap, most - 1))
            gold = [grounds.answering(passages, example) for example in questions]
            placed = [place for place, places in enumerate(gold) if places]
            settings = FinderSettings(language=options.language)
            indexes = [
                PassageIndex.fit(passages, replace(settings, windows=(window,)), known)
                for window in options.windows
            ]
            figures: Sequence[FinderFigures] = ()
            index = indexes[0]
            if placed:
                chosen = choose_finder(
                    indexes,
                    [questions[place].input for place in placed],
                    [gold[place] for place in placed],
                    context.seed,
                )
                figures = chosen.table
                windows = chosen.settings.windows
                index = next(one for one in indexes if one.settings.windows == windows)
                index = index.varied(chosen.settings)
            by_size[most] = index
            record[str(most)] = {
                "passages": len(passages),
                "chosen": str(index.settings),
                "questions": len(placed),
                "by": _chosen_by([questions[place] for place in placed]),
                "table": [_row(figure) for figure in figures],
            }
        stored = {
            most: _stored(index, most, known, options.store, context.folder)
            for most, index in by_size.items()
        }
        embedded = {known.account: known.tokens} if isinstance(known, CountedEncoder) else {}
        return cls(grounds, by_size, stored, record, embedded)


def grounded_shots(
    grounding: Grounding,
    grounds: Grounds,
    passages: Sequence[Passage],
    train: Sequence[Example],
    count: int,
) -> tuple[Shot, ...]:
    """The first ``count`` train examples whose passages are known, each with the first of them."""
    shots: list[Shot] = []
    for example in train:
        if len(shots) == count:
            break
        places = grounds.answering(passages, example)
        if places and example.output.strip():
            plain = Shot(example.input, example.output)
            shots.append(grounding.shot(plain, [passages[min(places)]]))
    return tuple(shots)


def documents_refusal(task: TaskFacts) -> str | None:
    """Why a strategy that reads documents does not fit a task; ``None`` where it does."""
    if task.grounds is None:
        return NO_DOCUMENTS
    return None if any(one.text.strip() for one in task.grounds.corpus.documents) else NO_TEXT


def grounds_of(context: FitContext) -> Grounds:
    """The documents of a fit. Raises `ConfigError` without them."""
    if context.grounds is None:
        raise ConfigError(NO_DOCUMENTS)
    return context.grounds


def described(grounding: Grounding) -> dict[str, Any]:
    """What an arm states of its passages."""
    options = asdict(grounding.options)
    return {"k": options["k"], "passage_tokens": options["most"], **_stated(options)}


def _stated(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("overlap", "cites", "delimits")}


def _stored(
    index: PassageIndex, most: int, encoder: Encoder | None, store: str, folder: Path
) -> Retriever:
    """The index where ``store`` says; raises `MissingExtraError` without LanceDB, and `StorageError`."""
    if store == FILES:
        return index
    place = str(folder / LANCE) if store == LANCE else store.rstrip("/")
    return LanceIndex.fit(index.passages, f"{place}/{most}", index.settings, encoder)


def _chosen_by(examples: Sequence[Example]) -> str:
    if not examples:
        return (
            "nothing: no example names its evidence, and no passage holds an answer word for word"
        )
    named = sum(bool(example.evidence) for example in examples)
    return "evidence" if named == len(examples) else "answers that stand in a passage"


def _row(figures: FinderFigures) -> dict[str, Any]:
    return {
        "finder": str(figures.settings),
        "windows": list(figures.settings.windows),
        "recall_at_1": round(figures.recall_at_1, 4),
        "recall_at_3": round(figures.recall_at_3, 4),
        "recall_at_5": round(figures.recall_at_5, 4),
        "mrr": round(figures.mrr, 4),
    }


def passages_for(
    grounds: Grounds, passages: Sequence[Passage], example: Example
) -> tuple[Passage, ...]:
    """The passages that hold an example's evidence, in the order of the documents."""
    return tuple(passages[place] for place in sorted(grounds.answering(passages, example)))
