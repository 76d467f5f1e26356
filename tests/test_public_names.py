"""What ``import steelyard`` offers is a promise: this list changes only on purpose."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import pytest

import steelyard

PUBLIC = [
    "Advice",
    "ArmError",
    "ConfigError",
    "CostAnswer",
    "CredentialError",
    "DataError",
    "Export",
    "MissingExtraError",
    "ModelError",
    "RunComparison",
    "RunResult",
    "SteelyardError",
    "StorageError",
    "Task",
    "__version__",
    "advise",
    "compare",
    "cost",
    "data",
    "export",
    "init_from_example",
    "init_from_file",
    "load",
    "load_task",
    "plan",
    "run",
]


def test_the_public_names_are_pinned() -> None:
    assert steelyard.__all__ == PUBLIC
    assert dir(steelyard) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(steelyard, name)
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = steelyard.absent


def test_the_version_is_a_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", steelyard.__version__)


@pytest.mark.parametrize(("function", "more"), [(steelyard.run, ["display"]), (steelyard.plan, [])])
def test_run_and_plan_show_the_same_options(
    function: Callable[..., object], more: list[str]
) -> None:
    from steelyard.planning.options import RunOptions

    options = "strategies model seed skip_bad_rows no_cache max_cost race prices_at".split()
    parameters = inspect.signature(function).parameters
    assert list(parameters) == ["task", "out", *options, *more]
    assert {parameters[name].kind for name in options} == {inspect.Parameter.KEYWORD_ONLY}
    assert {name: parameters[name].default for name in options} == vars(RunOptions())
    with pytest.raises(TypeError, match="unexpected keyword argument 'strategy'"):
        function("task", strategy="zero_shot")


def test_run_is_callable_before_and_after_its_room_is_imported() -> None:
    import steelyard.planning.plan

    assert callable(steelyard.run)
    assert steelyard.planning.plan.make_plan
