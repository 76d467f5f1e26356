"""Which strategies fit a task, and why the others are left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from steelyard.core import Example, OutputKind
from steelyard.data.rows import has_references
from steelyard.strategy.base import Brief
from steelyard.strategy.catalogue import StrategySpec

MIN_LORA_EXAMPLES = 20
MIN_SEARCH_EXAMPLES = 20
"""Below that `few_shot` tries what there is to try."""
LOCAL_PROVIDERS = ("embedded", "hf")
_NEED_REFERENCES = (
    "majority",
    "tfidf_linear",
    "nearest_neighbour",
    "few_shot",
    "retrieved_few_shot",
    "lora",
)
_NO_REFERENCES = "it learns from reference outputs, which the train examples lack"
_REASONING = ("chain_of_thought", "self_consistency")
_UNKNOWN_METRIC = "whether the metric compares one final answer is not known"
_SLOW_VOTES = "every answer is reasoned several times, which takes long here; name it to run it"
_VOTES_REASON = "it votes over chain_of_thought, which does not fit the task"


class Selection(NamedTuple):
    """The strategies to run, and the ones left out, each with its reason in plain words."""

    specs: list[StrategySpec]
    left_out: list[tuple[str, str]]


def auto(
    kind: OutputKind,
    n_train: int,
    has_documents: bool,
    provider: str | None,
    extras: Collection[str],
    unfit: Mapping[str, str] | None = None,
) -> Selection:
    """Choose strategies for a task with ``n_train`` train examples.

    ``provider`` is the language model's, or ``None`` when there is no model to ask; ``extras`` are
    the installed ones (``local``); ``unfit`` is what :func:`unfit_for` says of the task, without which
    no reasoning is asked for about text. The cheap references are always chosen.
    """
    if unfit is None:
        unfit = {} if kind != "text" else dict.fromkeys(_REASONING, _UNKNOWN_METRIC)
    reasons: dict[str, str | None] = {
        "majority": None,
        "tfidf_linear": None if kind == "label" else f"it gives labels, the task asks for {kind}",
        "nearest_neighbour": None,
        "zero_shot": _model_reason(provider),
        "few_shot": _model_reason(provider),
        "retrieved_few_shot": _model_reason(provider),
        "optimized_prompt": _model_reason(provider) or _search_reason(n_train),
        "chain_of_thought": _model_reason(provider) or unfit.get("chain_of_thought"),
        "self_consistency": (
            _model_reason(provider)
            or unfit.get("self_consistency")
            or (_SLOW_VOTES if provider == "embedded" else None)
            or (_VOTES_REASON if "chain_of_thought" in unfit else None)
        ),
        "cascade": (
            _model_reason(provider)
            or (None if kind == "label" else f"answers of kind {kind} come without a probability")
        ),
        "lora": _lora_reason(n_train, provider, extras),
        "retrieval": (
            "answering from documents is not built yet"
            if has_documents
            else "the task brings no documents"
        ),
        "full_fine_tuning": "training every weight is not built yet",
    }
    reasons = {name: unfit.get(name) or reason for name, reason in reasons.items()}
    specs = [StrategySpec(name) for name, reason in reasons.items() if reason is None]
    left_out = [(name, reason) for name, reason in reasons.items() if reason is not None]
    return Selection(specs, left_out)


def unfit_for(brief: Brief, train: Sequence[Example]) -> dict[str, str]:
    """The strategies that cannot be fitted to a task, whatever the model, each with the reason."""
    from steelyard.strategy.reasoning import refusal, votes_refusal

    reasons = {"chain_of_thought": refusal(brief, train), "self_consistency": votes_refusal(brief)}
    if not has_references(train):
        reasons |= dict.fromkeys(_NEED_REFERENCES, _NO_REFERENCES)
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _model_reason(provider: str | None) -> str | None:
    return "there is no language model to ask" if provider is None else None


def _search_reason(n_train: int) -> str | None:
    if n_train < MIN_SEARCH_EXAMPLES:
        least = MIN_SEARCH_EXAMPLES
        return f"{n_train} train examples are too few to search prompts on; {least} are the least"
    return None


def _lora_reason(n_train: int, provider: str | None, extras: Collection[str]) -> str | None:
    if provider is None:
        return "there is no language model to tune"
    if (reason := not_on("lora", provider)) is not None:
        return reason
    if "local" not in extras:
        return "the extra 'local' is not installed: pip install 'steelyard[local]'"
    if n_train < MIN_LORA_EXAMPLES:
        return f"{n_train} train examples are too few to tune on; {MIN_LORA_EXAMPLES} are the least"
    return None


def not_on(strategy: str, provider: str) -> str | None:
    """Why ``strategy`` cannot be fitted on a model of ``provider``; ``None`` where it can."""
    if strategy == "lora" and provider not in LOCAL_PROVIDERS:
        return f"the model behind {provider!r} cannot be tuned on this machine"
    return None
