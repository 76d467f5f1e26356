"""A verdict line for each of the common mistakes in adapting a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

from steelyard.data.base import CheckResult, Mistake
from steelyard.data.checks.size import THIN_ROWS
from steelyard.data.dataset import Dataset
from steelyard.data.enough import Parts, parts_of, shown_by, unseen_reason
from steelyard.data.texts.outside import outside_facts
from steelyard.output_kinds import KINDS
from steelyard.packaged import packaged
from steelyard.stats import Detectable
from steelyard.words import counted, listed, percent, points

Results = Mapping[str, CheckResult]
Thresholds = Mapping[str, Any]
State = Literal["ok", "risk", "unknown"]


def mistakes(data: Dataset, results: Results) -> list[Mistake]:
    """Say of each common mistake whether this data makes it, and on what grounds.

    ``results`` are those of the checks, by name; what rests on one that is absent is ``unknown``.
    Thresholds and their sources stand in ``data/mistakes.yaml``.
    """
    judges: dict[str, Callable[[Dataset, Results, Thresholds], tuple[State, str]]] = {
        "too_early": _too_early,
        "too_little": _too_little,
        "poor_quality": _poor_quality,
        "wrong_task": _wrong_task,
        "not_validated": _not_validated,
    }
    limits = thresholds()
    return [Mistake(name, *judge(data, results, limits[name])) for name, judge in judges.items()]


@lru_cache(maxsize=1)
def thresholds() -> Mapping[str, Thresholds]:
    """Read ``data/mistakes.yaml``: the thresholds of each mistake, and why."""
    return dict(packaged("data/data/mistakes.yaml"))


def _too_early(data: Dataset, results: Results, limits: Thresholds) -> tuple[State, str]:
    instruction = data.task.instruction or _system_message(data)
    if not instruction:
        return "unknown", (
            "there is no instruction, so nothing shows that a prompt was tried: write one in "
            "task.yaml, and steelyard run tests it before tuning gets any credit"
        )
    words = len(instruction.split())
    named = _named_labels(data, instruction)
    labels = f" and names {len(named)} of {counted(len(data.labels), 'label')}"
    what = f"the instruction has {counted(words, 'word')}{labels if data.labels else ''}"
    is_short = words < limits["least_words"] and len(named) <= len(data.labels) / 2
    if is_short:
        return "risk", (
            f"{what}, too short to explain each answer: try a fuller prompt before tuning"
        )
    return "ok", f"{what}; steelyard run tries it in several forms before tuning gets any credit"


def _system_message(data: Dataset) -> str:
    """The system message that most rows share, or an empty text."""
    turns = (turn for example in data.examples for turn in example.context[:1])
    counts = Counter(turn.content for turn in turns if turn.role == "system")
    text, count = counts.most_common(1)[0] if counts else ("", 0)
    return text if 2 * count > len(data.examples) else ""


def _named_labels(data: Dataset, instruction: str) -> list[str]:
    folded = instruction.casefold()
    return [
        label
        for label in data.labels
        if label.casefold() in folded or label.casefold().replace("_", " ") in folded
    ]


def _too_little(data: Dataset, results: Results, limits: Thresholds) -> tuple[State, str]:
    parts = parts_of(data)
    if parts.reason is not None:
        return "risk", parts.reason
    distinct = parts.train.distinct
    whose = " after Steelyard's own split" if parts.is_planned else ""
    what = f"{counted(distinct, 'distinct train row')}{whose}"
    if distinct < limits["least_rows"]:
        return "risk", (
            f"{what}: rules of thumb ask for {limits['least_rows']} or more; prompts and shots need "
            "fewer"
        )
    thin = [label for label in data.labels if parts.train.labels.get(label, 0) < THIN_ROWS]
    if thin and len(thin) >= limits["thin_share"] * len(data.labels):
        return "risk", (
            f"{what}, but {len(thin)} of {counted(len(data.labels), 'label')} have fewer than "
            f"{THIN_ROWS}: {listed(thin)}"
        )
    return "ok", f"{what}{_thin_aside(len(thin))}"


def _thin_aside(thin: int) -> str:
    if not thin:
        return ""
    return f"; {counted(thin, 'label')} with fewer than {THIN_ROWS} will hardly be learned"


def _poor_quality(data: Dataset, results: Results, limits: Thresholds) -> tuple[State, str]:
    suspects: dict[str, set[int]] = {}
    for name in limits["checks"]:
        if name not in results or (results[name].reason and not results[name].findings):
            continue
        grave = [finding for finding in results[name].findings if finding.severity != "note"]
        suspects[name] = {row for finding in grave for row in finding.rows}
    if not suspects or not data.examples:
        return "unknown", "none of the quality checks was run"
    rows = set().union(*suspects.values())
    share = len(rows) / len(data.examples)
    by_check = [f"{name} {len(numbers):,}" for name, numbers in suspects.items() if numbers]
    unmade = [name for name in limits["checks"] if name not in suspects]
    aside = f"; not checked: {listed(unmade)}" if unmade else ""
    if not rows:
        return "unknown" if unmade else "ok", f"no row is in doubt{aside}"
    are = "row is" if len(rows) == 1 else "rows are"
    what = f"{len(rows):,} {are} in doubt ({percent(share)}: {', '.join(by_check)})"
    if share >= limits["most_share"]:
        repair = "steelyard data fix and steelyard data label help to fix them"
        return "risk", f"{what}; {repair}{aside}"
    return "ok", f"{what}{aside}"


def _wrong_task(data: Dataset, results: Results, limits: Thresholds) -> tuple[State, str]:
    if KINDS[data.kind].is_labelled:
        return "ok", "the answers are labels, which do not change as facts do"
    facts = outside_facts(data, limits)
    if facts.share is None or facts.looked_at < limits["least_outputs"]:
        return "unknown", f"only {counted(facts.looked_at, 'output')} to check for facts"
    sample = " of a sample" if facts.looked_at < len(data.examples) else ""
    if not facts.outputs:
        return "ok", (
            f"no output of {facts.looked_at:,}{sample} states a date, price, hour or version that "
            "is not in its input"
        )
    state = "output states" if facts.outputs == 1 else "outputs state"
    kinds = listed([f"{kind} {count:,}" for kind, count in facts.kinds.items()], 4)
    common = listed([repr(fact) for fact, _ in facts.common], 3)
    what = (
        f"{facts.outputs:,} {state} ({percent(facts.share)}{sample}) a fact that is not in the "
        f"input ({kinds}; such as {common}, row {facts.first})"
    )
    if facts.share < limits["most_share"]:
        return "ok", what
    if data.task.documents is not None:
        return "ok", f"{what}; the task has documents to look them up in"
    return "risk", (
        f"{what}: facts that change belong in documents that are retrieved, not in weights"
    )


def _not_validated(data: Dataset, results: Results, limits: Thresholds) -> tuple[State, str]:
    parts = parts_of(data)
    if parts.reason is not None:
        return "risk", f"no held-out part: {parts.reason}"
    leaks = results.get("leaks")
    leaked = {row for finding in leaks.findings for row in finding.rows} if leaks else set()
    if leaked:
        are = "row is" if len(leaked) == 1 else "rows are"
        return "risk", (
            f"{len(leaked):,} {are} in two parts of the split: scores would look too high"
        )
    return _by_test_size(data, parts, limits, results)


def _by_test_size(
    data: Dataset, parts: Parts, limits: Thresholds, results: Results
) -> tuple[State, str]:
    rows = counted(parts.test.distinct, "distinct test row")
    reason = unseen_reason(data)
    if reason is not None:
        return "unknown", f"{rows}; what they can show {reason}"
    detectable, correction = _shown(data, parts, results)
    if detectable is None:
        return "risk", f"{rows}, too few to show any difference between two arms"
    what = f"{rows} show differences of {points(detectable)} or more between two arms{correction}"
    if detectable > limits["difference"]:
        return "risk", f"{what}, not yet {points(limits['difference'])}"
    if parts.is_planned and data.task.is_bare:
        return "unknown", (
            f"one file with nothing held out: after tuning on all of it, nothing shows whether it "
            f"worked; steelyard data split would hold out {rows}, which show differences of "
            f"{points(detectable)} or more between two arms{correction}"
        )
    if not parts.is_planned and "leaks" not in results:
        return "unknown", f"{what}; not checked for leaks"
    return "ok", what


def _shown(data: Dataset, parts: Parts, results: Results) -> tuple[float | None, str]:
    """The smallest difference that the test part shows, as the size check has it; its correction."""
    test = results["size"].facts.get("test") if "size" in results else None
    if test is None or "n" not in test["detectable"]:
        detectable = shown_by(data, parts)
    else:
        detectable = Detectable(**test["detectable"])
    return detectable.difference, detectable.correction + detectable.dependence
