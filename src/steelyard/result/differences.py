"""The test examples that some arms get right and others do not, for any two arms."""

from __future__ import annotations

from pydantic import Field

from steelyard.result.base import ResultPart


class PairCounts(ResultPart):
    """Two arms on the same test examples; the four counts add up to them.

    ``both_right`` have score 1 from both, ``a_better`` and ``b_better`` a higher score from that arm,
    ``alike`` the same score below 1: where all scores are 0 or 1, neither is right.
    """

    a: str = ""
    b: str = ""
    both_right: int = 0
    a_better: int = 0
    b_better: int = 0
    alike: int = 0


class DifferingExample(ResultPart):
    """A test example on which arms differ, its texts cut; an output is ``None`` where it failed."""

    example_id: str = ""
    input: str = ""
    reference: str = ""
    scores: dict[str, float] = Field(default_factory=dict)
    outputs: dict[str, str | None] = Field(default_factory=dict)


class Differences(ResultPart):
    """How any two arms differ over the ``n`` test examples.

    ``differing`` of these have not the same score from all arms; ``examples`` are a choice of them,
    spread over the pairs. ``is_graded`` says whether a score lies between 0 and 1.
    """

    n: int = 0
    is_graded: bool = False
    differing: int = 0
    pairs: tuple[PairCounts, ...] = ()
    examples: tuple[DifferingExample, ...] = ()
