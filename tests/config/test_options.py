"""Options of strategies, metrics and models: what is read, and one wording for what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, NonNegativeInt

from steelyard.config.explain import Place
from steelyard.config.options import Options, Several, one_of, read_options
from steelyard.config.source import read_yaml
from steelyard.errors import ConfigError
from steelyard.families import METRICS, STRATEGIES
from steelyard.model import ModelSpec, load_model
from steelyard.registry import Registry


class Sorting(Options):
    k: Several[NonNegativeInt] = (1, 2)
    order: Several[Annotated[str, one_of("order", lambda: ("up", "down"))]] = ("up",)
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    judge: str | dict[str, int] | None = None
    is_fast: bool = False


def refusal(options: dict[str, object], place: Place | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        read_options("strategy sorting", Sorting, options, place)
    return str(caught.value)


def test_one_item_stands_for_a_list_of_one() -> None:
    options = {"k": 3, "order": "down", "share": 0.25}
    assert read_options("strategy sorting", Sorting, options) == Sorting(
        k=(3,), order=("down",), share=0.25
    )
    assert read_options("strategy sorting", Sorting, {"k": [4, 5]}).k == (4, 5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"k": "x"}, "k must be a whole number, not 'x'"),
        ({"k": [1, "x"]}, "k.1 must be a whole number, not 'x'"),
        ({"k": ["x"]}, "k.0 must be a whole number, not 'x'"),
        ({"k": -1}, "k must be at least 0, not -1"),
        ({"k": []}, "k must not be empty"),
        ({"k": {"a": 1}}, "k must be a list, not {'a': 1}"),
        ({"order": "dwn"}, "order: unknown order 'dwn' (did you mean 'down'?); known: up, down"),
        ({"order": ["up", "dwn"]}, "order.1: unknown order 'dwn' (did you mean 'down'?)"),
        ({"share": 1}, "share must be below 1, not 1"),
        ({"share": "0.5"}, "share must be a number, not '0.5'"),
        ({"judge": 3}, "judge must be text or a mapping of keys, not 3"),
        ({"is_fast": "yes"}, "is_fast must be true or false, not 'yes'"),
        ({"kk": 1}, "unknown option 'kk' (did you mean 'k'?); known: is_fast, judge, k, order, "),
    ],
)
def test_a_refusal_names_the_option_as_it_is_written(
    options: dict[str, object], sentence: str
) -> None:
    assert refusal(options).startswith(f"strategy sorting: {sentence}")


def test_several_refusals_are_counted_in_one_line() -> None:
    text = refusal({"k": "x", "share": 2})
    assert text == (
        "strategy sorting: 2 problems: k must be a whole number, not 'x'; "
        "share must be below 1, not 2"
    )


def test_a_refusal_names_the_line_of_the_option(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("name: t\noptions:\n  share: 0.5\n  k:\n  - 1\n  - x\n")
    data, lines = read_yaml(tmp_path / "task.yaml")
    place = Place("task.yaml", lines, ("options",))
    assert str(place) == "task.yaml line 2"
    assert refusal(data["options"], place) == (
        "task.yaml line 6: strategy sorting: k.1 must be a whole number, not 'x'"
    )
    assert refusal({"share": 2}, place).startswith("task.yaml line 3: strategy sorting: share ")
    assert refusal({"judge": 2}, place).startswith("task.yaml line 2: strategy sorting: judge ")


@pytest.mark.parametrize("members", [STRATEGIES, METRICS], ids=["strategies", "metrics"])
def test_every_member_refuses_an_unknown_option_in_the_same_words(members: Registry[Any]) -> None:
    for name in set(members) - {"custom"}:  # which has the options of the user's own function
        with pytest.raises(ConfigError, match=f"^{name}: unknown option 'zzz'; known: "):
            read_options(name, members.get(name).options_type, {"zzz": 1})


def test_a_fake_model_refuses_an_unknown_option_in_the_same_words() -> None:
    with pytest.raises(ConfigError, match=r"^model fake:echo: unknown option 'slep' .*'sleep'"):
        load_model(ModelSpec("fake", "echo?slep=1"))
