"""Read ``result.json``, also of schema version 1, and compare results apart from their timings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from steelyard.errors import StorageError
from steelyard.families import METRICS
from steelyard.files import expanded, read_json
from steelyard.result.figures import LabelsNeeded
from steelyard.result.run import SCHEMA_VERSION, Result
from steelyard.strategy import traits_of

_TIMED_KEYS = frozenset({"cost", "crossover", "created", "cost_to_own", "flips", "reasons"})
NO_INTERVAL = "its interval was not measured"


def read_result(folder: Path | str) -> Result:
    """Read a run folder's ``result.json``. Raises `StorageError` when there is none to read."""
    path = expanded(folder) / "result.json"
    try:
        data = read_json(path)
        result = parse_result(data, str(path))
    except (FileNotFoundError, NotADirectoryError):
        raise StorageError(
            f"no {path}: give the folder of a finished run, or run it again to finish it"
        ) from None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise _no_result(str(path), error) from None
    for key in ("arms", "verdict"):  # defaults must not stand in for what a run never said
        if key not in data:
            raise _no_result(str(path), f"it has no {key}")
    return result


def parse_result(data: Any, where: str = "result.json") -> Result:
    """Check what ``result.json`` holds, of any schema version so far; raises `StorageError`."""
    version = data.get("schema_version") if isinstance(data, Mapping) else None
    if version is None:
        raise _no_result(where, "it has no schema_version")
    if version not in (1, SCHEMA_VERSION):
        raise StorageError(
            f"{where} has schema version {version!r}, this Steelyard reads 1 and {SCHEMA_VERSION}: "
            "run the task again"
        )
    try:
        return Result.model_validate(upgrade(data) if version == 1 else data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _no_result(where, f"{place}: {first['msg']}") from None
    except (
        AttributeError,
        KeyError,
        TypeError,
    ) as error:  # version 1 is taken apart before it is checked
        raise _no_result(where, error) from None


def _no_result(where: str, why: object) -> StorageError:
    return StorageError(f"{where} is not the result of a run ({why}): run the task again")


def upgrade(data: Mapping[str, Any]) -> dict[str, Any]:
    """Turn what a file of schema version 1 holds into version 2."""
    crossover = data.get("crossover") or {}
    broken_even = crossover.get("arms") or ([crossover] if crossover.get("arm") else [])
    upgraded = {
        **{key: value for key, value in data.items() if value is not None},
        "schema_version": SCHEMA_VERSION,
        "arms": [_upgraded_arm(arm) for arm in data.get("arms") or ()],
        "crossover": {
            **_with_labels(crossover),
            "arms": [_with_labels(arm) for arm in broken_even],
        },
    }
    if task := data.get("task"):
        names = task.get("metrics") or (task["metric"],)
        types = {name: _metric_class(name) for name in names}
        titles = {name: metric_type.title_of(name) for name, metric_type in types.items()}
        parts = {name: metric_type.parts_about for name, metric_type in types.items()}
        upgraded["task"] = {**task, "metric_titles": titles, "parts_about": parts}
    if verdict := data.get("verdict"):
        reasons = [why.replace(" drops out: ", " is ruled out: ", 1) for why in verdict["reasons"]]
        upgraded["verdict"] = {**verdict, "reasons": reasons}
    if judge := data.get("judge"):
        flips, judged = judge.get("order_flips"), judge.get("judged")
        upgraded["judge"] = {**judge, "flipped_share": flips / judged if judged else None}
    return upgraded


def _metric_class(metric: str) -> Any:
    """The class whose metric is called ``metric``; of the user's, or one not installed, any metric's."""
    from steelyard.score import Metric

    family = metric if metric in METRICS else metric.partition("_")[0]
    return METRICS.get(family) if family in METRICS else Metric


def _upgraded_arm(arm: Mapping[str, Any]) -> dict[str, Any]:
    gap = arm.get("generalisation_gap")
    reason = arm.get("generalisation_gap_reason") if gap is None else NO_INTERVAL
    traits = traits_of(str(arm["strategy"]))
    record = {"value": gap, "low": None, "high": None, "n": None, "reason": reason}
    return {
        **{key: value for key, value in arm.items() if value is not None},
        "family": traits.family,
        "about": traits.about,
        "is_tuned": traits.tunes,
        "generalisation_gap": record,
        "fit": _with_tokens(arm),
        "consistency": with_agreement(arm["consistency"]) if arm.get("consistency") else None,
    }


def _with_tokens(arm: Mapping[str, Any]) -> dict[str, Any]:
    fit, training = arm.get("fit") or {}, (arm.get("options") or {}).get("training") or {}
    return {**fit, "tokens": sum((fit.get("requests") or {}).values()) + training.get("tokens", 0)}


def with_agreement(consistency: Mapping[str, Any]) -> dict[str, Any]:
    """Add to each kind of change the mean share of items answered as before, over its variants."""
    changes = []
    for change in consistency.get("sensitivity") or ():
        shares = [variant.get("agreement") for variant in change.get("variants") or ()]
        shares = [share for share in shares if share is not None]
        agreement = {"agreement": sum(shares) / len(shares)} if shares else {}
        changes.append({**change, **agreement})
    return {**consistency, "sensitivity": changes}


def _with_labels(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**entry, "labels": LabelsNeeded.fitted_on(entry.get("labels")).model_dump()}


def strip_timings(value: Any) -> Any:
    """Return a result without what depends on the clock: seconds, and the money made from them."""
    if isinstance(value, Mapping):
        return {
            key: strip_timings(inner)
            for key, inner in value.items()
            if key not in _TIMED_KEYS and not key.endswith("seconds")
        }
    return [strip_timings(inner) for inner in value] if isinstance(value, list) else value
