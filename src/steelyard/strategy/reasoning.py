"""When a task can be answered by reasoning first, in which words, and after which worked examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from steelyard.core import Example, questions_of
from steelyard.seeds import fit_generator
from steelyard.strategy.base import Brief, TaskFacts
from steelyard.strategy.few_shot import shot_length
from steelyard.strategy.formats import Shot, fill
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompt_search import DevEvaluator
from steelyard.strategy.reading import split_reasoned
from steelyard.strategy.rounds import wording
from steelyard.strategy.search import Trial, stratified_order
from steelyard.task.members import metrics_for

_OWN_SHARE = 0.9
"""From this share of train on, references count as holding their own reasoning."""
_FULL_MARKS = 1 - 1e-9
_LONGEST_SHARE = 3
"""A worked shot may take at most one part in so many of the prompt's budget."""


def reasoning_refusal(task: TaskFacts) -> str | None:
    """Say why answers to this task cannot stand after reasoning; ``None`` where they can.

    The metric has to compare one final answer: those of labels and JSON always do.
    """
    brief, train = task.brief, task.train
    if brief.kind != "text":
        return None
    if not brief.metric_type.compares_final_answers:
        return (
            f"the metric {brief.metric} scores the whole text, reasoning included; "
            f"use a metric of the final answer ({', '.join(_final_answer_metrics())})"
        )
    if holds_reasoning(train):
        if brief.metric_type.reads_reasoned_references:
            return None
        return (
            f"the references include their reasoning, and the metric {brief.metric} compares all of it; "
            "use numeric, or keep only the final answers"
        )
    if any(len(example.output.strip().splitlines()) > 1 for example in train):
        return "some references have several lines, but an answer after reasoning has only one"
    return None


def votes_refusal(brief: Brief) -> str | None:
    """Say why answers to this task cannot be put to a vote; ``None`` where they can."""
    if brief.kind != "text" or brief.metric_type.compares_final_answers:
        return None
    return (
        f"with the metric {brief.metric} no two texts count as the same answer, so there is nothing to "
        f"vote on; use it for labels, JSON, or text with {', '.join(_final_answer_metrics())}"
    )


def _final_answer_metrics() -> list[str]:
    return sorted(
        name
        for name, metric_type in metrics_for("text").items()
        if metric_type.compares_final_answers
    )


def holds_reasoning(train: Sequence[Example]) -> bool:
    """Whether the references themselves reason before they answer (``… #### 42``)."""
    split = [split_reasoned(example.output) for example in train]
    reasoned = sum(parts is not None and bool(parts[0]) for parts in split)
    return bool(train) and reasoned >= _OWN_SHARE * len(train)


def answer_in(brief: Brief, example: Example) -> str:
    """The final answer in a reference."""
    parts = split_reasoned(example.output) if brief.kind == "text" else None
    return parts[1] if parts is not None and parts[0] else example.output


def reasoning_tokens(brief: Brief, train: Sequence[Example], limit: int) -> int:
    """The longest an answer with its reasoning may get, in tokens: ``limit`` unless it is 0."""
    defaults = wording("reasoning")["max_output_tokens"]
    if limit:
        return limit
    return int(max(defaults.values()) if holds_reasoning(train) else defaults[brief.kind])


def reasoning_recipe(
    evaluator: DevEvaluator, format_name: str, variant: str, max_tokens: int
) -> PromptRecipe:
    """Return the task's recipe with the words of a variant after its instruction."""
    words, kind = wording("reasoning"), evaluator.context.brief.kind
    plain = evaluator.recipe(format_name)
    instruction = f"{plain.instruction}\n\n{words['variants'][variant]} {words['ending'][kind]}"
    return replace(
        plain,
        instruction=instruction,
        decoding="free",
        reasoning=True,
        max_output_tokens=max_tokens,
    )


def bare_shots(evaluator: DevEvaluator) -> list[Shot]:
    """Train examples in stratified order, answered in the form asked for but without reasoning."""
    brief, template = evaluator.context.brief, wording("reasoning")["bare_shot"]
    return [
        Shot(example.input, fill(template, {"answer": answer_in(brief, example)}))
        for example in _in_order(evaluator)
    ]


def own_shots(evaluator: DevEvaluator) -> list[Shot]:
    """Train examples with the reasoning of their references."""
    shots = []
    for example in _in_order(evaluator):
        parts = split_reasoned(example.output)
        if parts is not None and parts[0]:
            shots.append(_worked(example.input, *parts))
    return shots


def bootstrapped_shots(
    evaluator: DevEvaluator, prompt: Prompt, count: int
) -> tuple[list[Shot], Trial]:
    """Let the model reason about ``count`` train examples and keep what led to the right answer.

    Rationales of its own are what a model follows best: Zelikman et al. (2022), STaR. ``Trial.score``
    is the share that was right.
    """
    examples = _in_order(evaluator)[:count]
    answers, requests = evaluator.ask(prompt, questions_of(examples))
    shots, right = [], 0
    for example, answer in zip(examples, answers, strict=True):
        if evaluator.context.score([example], [answer]) < _FULL_MARKS:
            continue
        right += 1
        parts = split_reasoned(answer.completion.text)
        if parts is not None and parts[0]:
            shots.append(
                _worked(example.input, parts[0], answer_in(evaluator.context.brief, example))
            )
    share = right / len(examples) if examples else 0.0
    return shots, Trial("rationales", "bootstrap", len(examples), requests, share)


def first_fitting(
    evaluator: DevEvaluator, shots: Sequence[Shot], k: int, budget: int
) -> tuple[Shot, ...]:
    """The first ``k`` shots that fit into ``budget`` tokens together, long ones left out."""
    fitting: list[Shot] = []
    budget_left = budget
    for shot in shots:
        tokens = shot_length(evaluator, shot)
        if len(fitting) == k:
            break
        if tokens <= min(budget_left, budget // _LONGEST_SHARE):
            fitting.append(shot)
            budget_left -= tokens
    return tuple(fitting)


def _worked(text: str, reasoning: str, answer: str) -> Shot:
    filled = fill(wording("reasoning")["shot"], {"reasoning": reasoning, "answer": answer})
    return Shot(text, filled)


def _in_order(evaluator: DevEvaluator) -> list[Example]:
    context = evaluator.context
    order = stratified_order(context.train, fit_generator(context.seed, "reasoning"))
    return [context.train[index] for index in order]
