"""How the gains of a prompt and of tuned weights add, for each hybrid of a run."""

from __future__ import annotations

from typing import Literal

from steelyard.result.base import ResultPart
from steelyard.result.figures import Figure, Quality

StateName = Literal["neither", "prompt", "weights", "both"]
GainsOutcome = Literal["add", "less", "more", "unknown"]


class HybridState(ResultPart):
    """One of the four states: an arm, its quality, and its paired ``gain`` over the state ``neither``.

    ``arm`` is ``None`` where the run has none for the state.
    """

    state: StateName = "neither"
    strategy: str = ""
    arm: str | None = None
    quality: Quality = Quality()
    gain: Figure = Figure()


class HybridGains(ResultPart):
    """The four states of a hybrid ``arm``, all of the same ``model`` and ``decoding``, by ``metric``.

    ``interaction`` is the gain of both together less the sum of both gains, over the same examples.
    ``outcome``: they ``add`` where its whole interval lies within ``margin``; both together gain ``less`` or
    ``more`` than the sum where the interval excludes 0; else ``unknown``, and ``None`` where nothing could
    be computed. ``sentence`` says so, or what is missing. ``notes`` are what a reader must know.
    """

    arm: str = ""
    strategy: str = ""
    model: str | None = None
    decoding: str = ""
    metric: str = ""
    states: tuple[HybridState, ...] = ()
    interaction: Figure = Figure()
    margin: float = 0.0
    outcome: GainsOutcome | None = None
    sentence: str = ""
    notes: tuple[str, ...] = ()
