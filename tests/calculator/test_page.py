"""``docs/economics.md`` shows what the commands print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import steelyard
from steelyard.calculator.sections import CostTraffic, ModelPrices, UncertainConfig, WayConfig
from steelyard.cli import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "economics.md").read_text(encoding="utf-8")


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
