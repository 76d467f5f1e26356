"""What the command line and the Python functions may change about a task's run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TypedDict, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., object])


class RunKeywords(TypedDict, total=False):
    """The options as keyword arguments of `steelyard.run` and `steelyard.plan`."""

    strategies: Sequence[str] | None
    model: str | Sequence[str] | None
    seed: int
    skip_bad_rows: bool
    no_cache: bool
    max_cost: Decimal | None


@dataclass(frozen=True)
class RunOptions:
    """The options of one run.

    ``strategies`` are names, or ``("auto",)``, in place of the task's own. ``model`` is text such as
    ``hf:NAME``, or several; ``max_cost`` is one cap over all models, in the currency of their prices,
    and applies to hosted ones only; ``no_cache`` starts with an empty run folder.
    """

    strategies: Sequence[str] | None = None
    model: str | Sequence[str] | None = None
    seed: int = 0
    skip_bad_rows: bool = False
    no_cache: bool = False
    max_cost: Decimal | None = None

    def __post_init__(self) -> None:
        if self.strategies is not None:
            object.__setattr__(self, "strategies", tuple(self.strategies))
        if self.model is not None and not isinstance(self.model, str):
            object.__setattr__(self, "model", tuple(self.model))


def takes_run_options(function: _Function) -> _Function:
    """Show the keywords of ``**options``, with their defaults, in the signature and in ``help()``."""
    signature = inspect.signature(function, eval_str=False)
    before = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=f.type
        )
        for f in fields(RunOptions)
    ]
    positional = [p for p in before if p.kind is not p.KEYWORD_ONLY]
    keywords = [p for p in before if p.kind is p.KEYWORD_ONLY]
    parameters = [*positional, *options, *keywords]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return function
