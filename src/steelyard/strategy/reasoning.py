"""When a task can be answered by reasoning first, in which words, and after which worked examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from steelyard.core import Example, questions_of
from steelyard.seeds import fit_generator
from steelyard.strategy.base import Brief, TaskFacts
from steelyard.strategy.formats import Shot, fill
from steelyard.strategy.prompt import Prompt, PromptRecipe, count_tokens
from steelyard.strategy.prompt_search import DevEvaluator
from steelyard.strategy.reading import split_reasoned
from steelyard.strategy.rounds import wording
from steelyard.strategy.search import Trial, stratified_order

_OWN_SHARE = 0.9
"""From this share of train on, references count as holding their own reasoning."""
_FULL_MARKS = 1 - 1e-9
_LONGEST_SHARE = 3
"""A worked shot may take at most one part in so many of the prompt's budget."""


def reasoning_refusal(task: TaskFacts) -> str | None:
    """Say why answers to this task cannot stand after reasoning; ``None`` where they can.

    The metric has to compare one final answer: labels and JSON always do, text where it is exact or a
    number. The user's own metric is taken to.
    """
    brief, train = task
    if brief.kind != "text":
        return None
    known, own = wording("reasoning")["text_metrics"], ":" in brief.metric
    if brief.metric not in known and not own:
        return (
            f"the metric {brief.metric} reads the whole text, reasoning included; "
            f"it is for metrics of one final answer ({', '.join(known)})"
        )
    if holds_reasoning(train):
        if brief.metric == "numeric" or own:
            return None
        return (
            f"the references hold their reasoning, and the metric {brief.metric} compares all of it; "
            "choose numeric, or give the final answers alone"
        )
    if any(len(example.output.strip().splitlines()) > 1 for example in train):
        return "references have several lines, and an answer after reasoning has one"
    return None


def votes_refusal(brief: Brief) -> str | None:
    """Say why answers to this task cannot be put to a vote; ``None`` where they can."""
    known = wording("reasoning")["text_metrics"]
    if brief.kind != "text" or brief.metric in known or ":" in brief.metric:
        return None
    return (
        f"with the metric {brief.metric} no two texts are the same answer, so that there is nothing "
        f"to vote on; it is for labels, JSON, and text with {', '.join(known)}"
    )


def holds_reasoning(train: Sequence[Example]) -> bool:
    """Whether the references themselves reason before they answer (``… #### 42``)."""
    split = [split_reasoned(example.output) for example in train]
    reasoned = sum(found is not None and bool(found[0]) for found in split)
    return bool(train) and reasoned >= _OWN_SHARE * len(train)


def answer_in(brief: Brief, example: Example) -> str:
    """The final answer in a reference."""
    found = split_reasoned(example.output) if brief.kind == "text" else None
    return found[1] if found is not None and found[0] else example.output


def reasoning_tokens(brief: Brief, train: Sequence[Example], wanted: int) -> int:
    """The longest an answer with its reasoning may get, in tokens; ``wanted`` unless it is 0."""
    defaults = wording("reasoning")["max_output_tokens"]
    if wanted:
        return wanted
    return int(max(defaults.values()) if holds_reasoning(train) else defaults[brief.kind])


def reasoning_recipe(
    desk: DevEvaluator, format_name: str, variant: str, max_tokens: int
) -> PromptRecipe:
    """Return the task's recipe with the words of a variant after its instruction."""
    words, kind = wording("reasoning"), desk.context.brief.kind
    plain = desk.recipe(format_name)
    instruction = f"{plain.instruction}\n\n{words['variants'][variant]} {words['ending'][kind]}"
    return replace(
        plain,
        instruction=instruction,
        decoding="free",
        reasoning=True,
        max_output_tokens=max_tokens,
    )


def bare_shots(desk: DevEvaluator) -> list[Shot]:
    """Train examples in stratified order, answered in the form asked for but without reasoning."""
    brief, template = desk.context.brief, wording("reasoning")["bare_shot"]
    return [
        Shot(example.input, fill(template, {"answer": answer_in(brief, example)}))
        for example in _in_order(desk)
    ]


def own_shots(desk: DevEvaluator) -> list[Shot]:
    """Train examples with the reasoning of their references."""
    shots = []
    for example in _in_order(desk):
        found = split_reasoned(example.output)
        if found is not None and found[0]:
            shots.append(_worked(example.input, *found))
    return shots


def bootstrapped_shots(desk: DevEvaluator, prompt: Prompt, count: int) -> tuple[list[Shot], Trial]:
    """Let the model reason about ``count`` train examples and keep what led to the right answer.

    Rationales of its own are what a model follows best: Zelikman et al. (2022), STaR. ``Trial.score``
    is the share that was right.
    """
    examples = _in_order(desk)[:count]
    answers, asked = desk.ask(prompt, questions_of(examples))
    shots, right = [], 0
    for example, answer in zip(examples, answers, strict=True):
        if desk.context.score([example], [answer]) < _FULL_MARKS:
            continue
        right += 1
        found = split_reasoned(answer.completion.text)
        if found is not None and found[0]:
            shots.append(_worked(example.input, found[0], answer_in(desk.context.brief, example)))
    share = right / len(examples) if examples else 0.0
    return shots, Trial("rationales", "bootstrap", len(examples), asked, share)


def first_fitting(
    desk: DevEvaluator, shots: Sequence[Shot], k: int, budget: int
) -> tuple[Shot, ...]:
    """The first ``k`` shots that fit into ``budget`` tokens together, giants left out."""
    chosen: list[Shot] = []
    left = budget
    for shot in shots:
        tokens = count_tokens(desk.context.model, f"{shot.input}\n{shot.output}") + 8
        if len(chosen) == k:
            break
        if tokens <= min(left, budget // _LONGEST_SHARE):
            chosen.append(shot)
            left -= tokens
    return tuple(chosen)


def _worked(text: str, reasoning: str, answer: str) -> Shot:
    filled = fill(wording("reasoning")["shot"], {"reasoning": reasoning, "answer": answer})
    return Shot(text, filled)


def _in_order(desk: DevEvaluator) -> list[Example]:
    context = desk.context
    order = stratified_order(context.train, fit_generator(context.seed, "reasoning"))
    return [context.train[index] for index in order]
