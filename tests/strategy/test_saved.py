from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard.errors import ArmError, StorageError
from steelyard.strategy import StrategySpec, build_strategy, load_arm, save_arm
from steelyard.strategy.base import Arm, FitContext
from steelyard.strategy.record import TrainingRecord
from steelyard.strategy.saved import load

MakeContext = Callable[..., FitContext]


@pytest.fixture
def arm(fit_context: MakeContext) -> Arm:
    return build_strategy(StrategySpec("nearest_neighbour")).fit(fit_context())[0]


def test_saving_again_replaces_and_leaves_nothing_beside(arm: Arm, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "winner"
    save_arm(arm, folder)
    (folder / "stale").write_text("x")
    save_arm(arm, folder)
    assert not (folder / "stale").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["winner"]


def test_a_failed_save_keeps_the_old_arm(arm: Arm, tmp_path: Path) -> None:
    folder = tmp_path / "winner"
    save_arm(arm, folder)

    class Full(type(arm)):  # type: ignore[misc]
        def save(self, folder: Path) -> None:
            (folder / "half").write_text("x")
            raise OSError(28, "No space left on device")

    full = Full.restore(folder, json.loads((folder / "arm.json").read_text()), lambda spec: None)
    with pytest.raises(StorageError, match="No space left on device"):
        save_arm(full, folder)
    assert load_arm(folder).name == arm.name
    assert [path.name for path in tmp_path.iterdir() if "winner" in path.name] == ["winner"]


def test_what_a_fit_found_is_kept_apart_from_what_it_chose(arm: Arm, tmp_path: Path) -> None:
    arm.fit = replace(
        arm.fit, seconds=2.5, training=TrainingRecord(8.0, 900, trace=({"loss": 1.0},))
    )
    save_arm(arm, tmp_path / "arm")
    loaded = load_arm(tmp_path / "arm")
    assert set(loaded.options) == {"k", "features"}
    assert loaded.fit.dev_score == arm.fit.dev_score is not None
    assert (loaded.fit.seconds, loaded.machine_seconds) == (2.5, 8.0)
    manifest = json.loads((tmp_path / "arm" / "arm.json").read_text())
    assert manifest["options"] == json.loads(json.dumps(arm.options | arm.fit.to_dict()))
    assert arm.fit.to_options().keys() == {"search", "training"}  # what result.json holds


def test_a_run_that_is_not_finished_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArmError, match="holds no saved arm"):
        load(tmp_path)
    (tmp_path / "run.db").touch()
    with pytest.raises(ArmError, match="is not finished: run it again"):
        load(tmp_path)


def test_a_folder_without_an_arm_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArmError, match=r"no saved arm at .*give a run's winner/"):
        load_arm(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 99}, "has schema 99, this version reads 1"),
        ({"strategy": "nearest_neighbor"}, "did you mean 'nearest_neighbour'"),
        ({"strategy": "theirs"}, "unknown strategy 'theirs'"),
        ({"strategy": "theirs"}, "install what it needs, if that is missing, or save"),
        ({"brief": {}}, "is damaged"),
        ({"options": {"training": {"seconds": "long", "tokens": 1}}}, "is damaged"),
    ],
)
def test_a_changed_manifest_is_refused(
    arm: Arm, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    save_arm(arm, tmp_path / "arm")
    manifest = tmp_path / "arm" / "arm.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **change}))
    with pytest.raises(ArmError) as error:
        load_arm(tmp_path / "arm")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["arm.json", "shots.jsonl", "matrix.npz", "idf.npz"])
def test_a_damaged_file_is_an_arm_error(arm: Arm, tmp_path: Path, name: str) -> None:
    save_arm(arm, tmp_path / "arm")
    (tmp_path / "arm" / name).write_bytes(b"\x80broken")
    with pytest.raises(ArmError):
        load_arm(tmp_path / "arm")
