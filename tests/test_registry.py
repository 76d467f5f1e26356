"""Families by name: ours, registered ones, and those of installed packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from steelyard.errors import ConfigError
from steelyard.registry import Registry


def package(folder: Path, name: str, points: str) -> None:
    """Leave what an installed package leaves of itself, with entry points of the group toys."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[steelyard.toys]\n{points}\n")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def toys() -> Registry[object]:
    return Registry("toy", {"drum": "json:dumps"}, "steelyard.toys")


def test_packages_add_members_and_ours_win(
    installed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    package(installed, "more-toys", "bell = json:loads\ndrum = json:load")
    registry = toys()
    assert registry.get("drum").__name__ == "dumps"  # type: ignore[attr-defined]
    assert registry.get("bell").__name__ == "loads"  # type: ignore[attr-defined]
    assert list(registry) == ["drum", "bell"]
    assert "json:dumps" in caplog.text and "json:load" in caplog.text
    with pytest.raises(ConfigError, match=r"unknown toy 'bel' \(did you mean 'bell'\?\)"):
        registry.get("bel")


def test_two_packages_of_one_name_are_named(installed: Path) -> None:
    package(installed, "a", "bell = json:loads")
    package(installed, "b", "bell = json:load")
    with pytest.raises(ConfigError, match=r"toy 'bell': json:loads? and json:loads?; uninstall"):
        list(toys())


@pytest.mark.parametrize("target", ["no_such_module:Bell", "json:no_such_name"])
def test_a_package_whose_member_cannot_be_loaded_is_named(installed: Path, target: str) -> None:
    package(installed, "more-toys", f"bell = {target}")
    with pytest.raises(ConfigError, match=r"toy 'bell' of the package more-toys cannot be loaded"):
        toys().get("bell")


def test_a_member_that_lacks_what_others_ask_of_it_is_refused() -> None:
    registry: Registry[object] = Registry("toy", {"drum": "json:dumps"}, states=("sound",))
    with pytest.raises(ConfigError, match="toy 'drum' does not state its sound: set it on"):
        registry.get("drum")


def test_registered_members_are_found_and_taken_out_again() -> None:
    registry = toys()
    registry.register("kite", "json:load")
    thing = object()
    registry.register("ball", thing)
    assert registry.get("ball") is thing and "kite" in registry
    with pytest.raises(ConfigError, match="'drum' is registered twice: json:dumps and json:load"):
        registry.register("drum", "json:load")
    registry.remove("kite")
    assert "kite" not in registry


def test_a_member_goes_by_its_own_name() -> None:
    class Trumpet:
        name = "trumpet"

    registry = toys()
    registry.register("horn", Trumpet)
    with pytest.raises(ConfigError, match="toy 'horn' calls itself 'trumpet': register it under"):
        registry.get("horn")
