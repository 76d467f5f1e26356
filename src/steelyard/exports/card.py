"""The model card: a README.md with the front matter that hubs read, and every figure with its interval."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

from steelyard._version import __version__
from steelyard.core import Question
from steelyard.exports.base import ExportFormat, Outgoing
from steelyard.exports.licences import NOT_STATED, base_licence, readme_licence
from steelyard.exports.records import Export, Rescored
from steelyard.exports.source import ExportSource
from steelyard.packaged import packaged
from steelyard.result import ArmResult
from steelyard.result.audit import Leaks
from steelyard.result.figures import Quality
from steelyard.retrieve.base import Passage
from steelyard.strategy.formats import Shot
from steelyard.words import counted, listed

INPUT = "{input}"
"""What stands for the input in the prompt that the card shows."""


@dataclass(frozen=True)
class CardFacts:
    """What a card is written of."""

    source: ExportSource
    outgoing: Outgoing
    form: ExportFormat
    export: Export
    base_hash: str


def card_text(facts: CardFacts) -> str:
    """Return the card: front matter, and what a reader must know before using the files."""
    licence = base_licence(facts.source.arm.spec.provider, facts.source.weights)
    front = yaml.safe_dump(_front(facts, licence), sort_keys=False, allow_unicode=True)
    body: str = packaged("exports/data/card.md")
    for name, value in _fields(facts, licence).items():
        body = body.replace(f"<<{name}>>", value)
    return f"---\n{front}---\n{body}"


def _front(facts: CardFacts, licence: str) -> dict[str, Any]:
    result, quality = facts.source.run.result, facts.source.figures.quality
    tags = ["steelyard", facts.source.arm.strategy, facts.form.name]
    front: dict[str, Any] = {
        "license": licence if licence != NOT_STATED else "unknown",
        "base_model": facts.outgoing.base,
        "library_name": facts.form.library,
        "pipeline_tag": "text-generation",
        "tags": list(dict.fromkeys(tags)),
    }
    if quality.value is not None:
        measured = {
            "task": {"type": "text-generation"},
            "dataset": {"name": result.task.name, "type": "private"},
            "metrics": [{"type": quality.metric, "value": round(quality.value, 4)}],
        }
        front["model-index"] = [{"name": _title(facts), "results": [measured]}]
    return front


def _title(facts: CardFacts) -> str:
    return f"{facts.source.run.result.task.name}-{facts.source.arm.name}"


def _fields(facts: CardFacts, licence: str) -> dict[str, str]:
    source, result, outgoing = facts.source, facts.source.run.result, facts.outgoing
    split, task = result.split, result.task
    base_note = outgoing.measured.facts.get("weights")
    return {
        "title": _title(facts),
        "arm": source.arm.name,
        "strategy": source.arm.strategy,
        "base": outgoing.base,
        "base_precision": str(base_note or "as published"),
        "base_hash": facts.base_hash,
        "base_licence": licence,
        "format": facts.form.about,
        "precision": facts.export.precision,
        "measured_precision": source.fingerprint.rpartition(":")[2],
        "task": task.name,
        "task_fingerprint": task.fingerprint,
        "data_fingerprint": str(source.run.identity["examples"]),
        "data_licence": readme_licence(source.task.folder) or NOT_STATED,
        "examples": f"{split.train} train, {split.dev} dev, {split.test} test ({split.method})",
        "leaks": leaks_text(result.audit.leaks),
        "figures": _figures(source),
        "rescored": rescored_text(facts.export.rescored),
        "prompt": _prompt(facts),
        "turn": _turn(outgoing),
        "trained_under": _trained_under(source),
        "asked": _asked(source),
        "notes": "".join(f"- {note}\n" for note in facts.export.notes) or "- none\n",
        "date": datetime.now(UTC).date().isoformat(),
        "run_date": result.created,
        "version": __version__,
        "seed": str(result.seed),
        "options": json.dumps(_options(source.arm.options), ensure_ascii=False, sort_keys=True),
    }


def leaks_text(leaks: Mapping[str, Leaks]) -> str:
    """How many test rows also stand in train or dev, by each likeness that the audit looked for."""
    counts = ", ".join(f"{leak.test_count} {likeness}" for likeness, leak in leaks.items())
    return f"test rows like one of train or dev: {counts or 'not counted'}"


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key not in ("search", "training")}


def _figures(source: ExportSource) -> str:
    """The run's figures, the arm's first; each other arm is what it was chosen against."""
    arms = sorted(source.run.result.arms, key=lambda arm: arm.name != source.arm.name)
    lines = ["| arm | metric | value | interval | n |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(_row(arm, quality) for arm in arms for quality in _all(arm))])


def _all(arm: ArmResult) -> Sequence[Quality]:
    return (arm.quality, *arm.other_qualities)


def _row(arm: ArmResult, quality: Quality) -> str:
    if quality.value is None:
        return f"| {arm.name} | {quality.metric} | not measured: {quality.reason} | | |"
    low, high = quality.low, quality.high
    interval = (
        "none" if low is None or high is None else f"{low:.3f} to {high:.3f} ({quality.level:.0%})"
    )
    return f"| {arm.name} | {quality.metric} | {quality.value:.3f} | {interval} | {quality.n} |"


def rescored_text(rescored: Rescored | None) -> str:
    """What the re-score found, in a sentence or two."""
    if rescored is None:
        return "These files were not re-scored."
    part = "all" if rescored.items == rescored.of else f"{rescored.items} of the {rescored.of}"
    text = (
        f"These files, loaded again, answered {part} test examples: {rescored.equal} of "
        f"{counted(rescored.items, 'answer')} are those of the measured arm."
    )
    if rescored.measured is not None and rescored.exported is not None:
        text += f" {rescored.metric}: {rescored.exported:.3f}, measured {rescored.measured:.3f}."
    if rescored.difference is not None and rescored.low is not None and rescored.high is not None:
        text += (
            f" Paired difference {100 * rescored.difference:+.1f} points, "
            f"{rescored.level or 0.95:.0%} interval {100 * rescored.low:+.1f} to "
            f"{100 * rescored.high:+.1f} ({rescored.method})."
        )
    return text


def _prompt(facts: CardFacts) -> str:
    """The prompt as text, as the template writes it around an input, and around what is looked up for it."""
    prompt = facts.source.arm.prompt
    question = INPUT
    if prompt.grounding is not None:
        places = range(1, prompt.grounding.options.k + 1)
        passages = [Passage(f"{{passage {place}}}") for place in places]
        question = prompt.grounding.input(passages, INPUT)
    nearest = [
        Shot(f"{{example {place}}}", f"{{answer {place}}}")
        for place in range(1, prompt.recipe.retrieved + 1)
    ]
    text = facts.outgoing.measured.writer.text(prompt.recipe.messages(Question(question), nearest))
    return text.replace("```", "` ` `")


def _trained_under(source: ExportSource) -> str:
    """Whose prompt it is, and what of it is looked up and therefore not in the files."""
    arm = source.arm
    over = arm.options.get("prompt_of")
    sentences = [
        "The weights were trained under this prompt" + (f", which {over} found." if over else ".")
    ]
    lookups = {
        "passages": arm.prompt.grounding is not None,
        "examples": arm.prompt.recipe.retrieved > 0,
    }
    if several := [name for name, is_shown in lookups.items() if is_shown]:
        sentences.append(
            f"Its {listed(several)} are looked up for every input, by the index in the arm's folder of the "
            f"run (`arms/{arm.name}`), which is not in these files: without it the figures do not hold."
        )
    return " ".join(sentences)


def _turn(outgoing: Outgoing) -> str:
    ends = [outgoing.measured.tokenizer.decode([token]) for token in outgoing.ends]
    taught = outgoing.measured.tokenizer.decode(list(outgoing.measured.writer.turn_end))
    stops = listed([f"`{end}`" for end in ends])
    return f"`{taught}` was learnt as the end of an answer; the files stop at {stops}"


def _asked(source: ExportSource) -> str:
    recipe = source.arm.prompt.recipe
    how = f"temperature {recipe.temperature:g}, at most {recipe.max_output_tokens} tokens"
    if recipe.decoding == "constrained" and recipe.choices:
        limit = f"held to one of {listed([f'`{choice}`' for choice in recipe.choices])}"
        return f"{how}, {limit}: a server that does not hold answers to these gives others"
    if recipe.decoding == "constrained" and recipe.schema:
        return f"{how}, held to the task's JSON schema: a server that does not gives others"
    return f"{how}, in free text"
