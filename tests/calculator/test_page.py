"""``docs/economics.md`` shows what the commands print."""

from __future__ import annotations

import importlib.util
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.calculator.sections import CostTraffic, ModelPrices, UncertainConfig, WayConfig
from steelyard.cli import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "economics.md").read_text(encoding="utf-8")


SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def printed(argv: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(argv) == 0
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_the_fields_example_is_as_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shown = re.search(r"\$ steelyard (cost --example field .*)\n((?:.*\n)*?)```", PAGE)
    assert shown is not None
    assert printed(shown[1].split(), capsys) == shown[2].splitlines()


@pytest.mark.parametrize("world", ["bot-2023", "bot-2026", "bot-machine"])
def test_the_maps_are_as_printed(
    world: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = printed(["cost", "--example", world, "--map"], capsys)
    start = next(at for at, line in enumerate(lines) if line.startswith("requests a day  1 month"))
    assert "\n".join(lines[start:]) in PAGE


def test_the_file_of_the_page_answers(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "costs.yaml"
    file.write_text(block, encoding="utf-8")
    answer = steelyard.cost(file)
    assert answer.cheapest == ("long prompt",)
    assert answer.scenarios is not None
    assert answer.scenarios.cheapest["long prompt"] > 0.99


@pytest.mark.parametrize("section", [WayConfig, CostTraffic, ModelPrices, UncertainConfig])
def test_every_key_is_explained(section: type[WayConfig]) -> None:
    free = {"train", "test", "scenarios", "seed"}
    missing = [key for key in section.model_fields if key not in free and key not in PAGE]
    assert missing == []


@pytest.mark.parametrize(("model", "saving"), [("gpt-4.1", "270"), ("gpt-5.4-mini", "10.125")])
def test_the_example_at_prices_of_2026_saves_what_the_page_says(model: str, saving: str) -> None:
    argv = next(
        line.replace("\\\n", " ")
        for line in re.findall(r"steelyard cost (?:.*\\\n)?.*", PAGE)
        if f"--model {model} " in line
    )
    cached = "0.9" if "--cached-share 0.9" in argv else "0"
    prompt = {"model": model, "input_tokens": 500, "cached_share": cached}
    answer = steelyard.cost(
        traffic={"requests_per_day": 10_000},
        ways={
            "prompt": prompt,
            "tuned": {"model": model, "input_tokens": 50, "training": "200-500"},
        },
        prices_at="2026-12-01",
    )
    months = [way.month_total.low for way in answer.ways]
    assert str((months[0] - months[1]).normalize()) == str(Decimal(saving).normalize())
    assert f"${Decimal(saving):.2f}".replace("10.12", "10.13") in PAGE


@pytest.fixture
def drawing() -> Any:
    spec = importlib.util.spec_from_file_location("picture", SCRIPTS / "old_rule_picture.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_what_the_script_draws(drawing: Any) -> None:
    assert drawing.PICTURE.read_text(encoding="utf-8") == drawing.picture()


@pytest.mark.parametrize("world", ["bot-2023", "bot-2026", "bot-machine"])
def test_the_picture_and_the_map_say_the_same(world: str, drawing: Any) -> None:
    answer = steelyard.cost(example=world, with_map=True)
    assert answer.map is not None
    boxes = drawing.boxes(world)
    for volume, row in zip(answer.map.volumes, answer.map.cheapest, strict=True):
        step = (math.log10(volume) - 2) / 5 * drawing.STEPS
        step = min(max(step, 0.5), drawing.STEPS - 0.5)
        for months, names in zip(answer.map.months, row, strict=True):
            (box,) = [
                box
                for box in boxes
                if box.left <= step < box.right and box.low < months <= box.high
            ]
            assert box.names == names, (volume, months)
