"""Which strategies fit a task, and why the others are left out."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from steelyard.core import OutputKind
from steelyard.strategy.catalogue import StrategySpec

MIN_LORA_EXAMPLES = 20
LOCAL_PROVIDERS = ("embedded", "hf")


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
) -> Selection:
    """Choose strategies for a task with ``n_train`` train examples.

    ``provider`` is the language model's, or ``None`` when there is no model to ask; ``extras`` are
    the installed ones (``local``). The cheap references are always chosen.
    """
    reasons: dict[str, str | None] = {
        "majority": None,
        "tfidf_linear": None if kind == "label" else f"it gives labels, the task asks for {kind}",
        "nearest_neighbour": None,
        "zero_shot": _model_reason(provider),
        "few_shot": _model_reason(provider),
        "retrieved_few_shot": _model_reason(provider),
        "lora": _lora_reason(n_train, provider, extras),
        "retrieval": (
            "answering from documents is not built yet"
            if has_documents
            else "the task brings no documents"
        ),
        "full_fine_tuning": "training every weight is not built yet",
    }
    specs = [StrategySpec(name) for name, reason in reasons.items() if reason is None]
    left_out = [(name, reason) for name, reason in reasons.items() if reason is not None]
    return Selection(specs, left_out)


def _model_reason(provider: str | None) -> str | None:
    return "there is no language model to ask" if provider is None else None


def _lora_reason(n_train: int, provider: str | None, extras: Collection[str]) -> str | None:
    if provider is None:
        return "there is no language model to tune"
    if provider not in LOCAL_PROVIDERS:
        return f"the model behind {provider!r} cannot be tuned on this machine"
    if "local" not in extras:
        return "the extra 'local' is not installed: pip install 'steelyard[local]'"
    if n_train < MIN_LORA_EXAMPLES:
        return f"{n_train} train examples are too few to tune on; {MIN_LORA_EXAMPLES} are the least"
    return None
