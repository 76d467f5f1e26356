"""Whatever an arm's folder holds: it answers, or says in one line what is damaged. No process crashes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.errors import ArmError, SteelyardError
from steelyard.model import ModelSpec
from steelyard.model.fake import FakeModel
from steelyard.score import build_metric
from steelyard.strategy import StrategySpec, build_strategy, save_arm
from steelyard.strategy.base import Brief, FitContext
from steelyard.strategy.saved import load
from tests.hostile.inputs import FILES, VALUES, Spoil, keys_in, with_value
from tests.hostile.told import in_time, told
from tests.strategy.samples import TOPICS, listed, tickets

STRATEGIES: Mapping[str, Mapping[str, Any]] = {
    "majority": {},
    "tfidf_linear": {"features": ["word"], "classifier": ["logistic"], "c": [1.0]},
    "nearest_neighbour": {"features": ["word"], "k": [3]},
    "retrieved_few_shot": {"formats": ["system_user"]},
    "cascade": {"first": "majority", "then": "zero_shot"},
}
SOME = {
    name: VALUES[name]
    for name in (
        "null true text negative fraction infinity NaN huge list mapping nested escape zero".split()
    )
}
QUESTION = "my invoice is wrong"


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, model = tmp_path_factory.mktemp("arms"), FakeModel("smart")
    brief = Brief("Classify the ticket.", "label", tuple(TOPICS))
    spec = ModelSpec("fake", "smart")
    for name, options in STRATEGIES.items():
        context = FitContext(
            brief=brief,
            train=tickets(30),
            dev=tickets(12, offset=100),
            model=model,
            spec=spec,
            build_model=lambda spec: model,
            folder=folder / "work",
            seed=7,
            metric=build_metric("accuracy"),
            models=listed(spec),
        )
        save_arm(build_strategy(StrategySpec(name, options)).fit(context)[0], folder / name)
    return folder


@pytest.fixture
def copied(arms: Path, tmp_path: Path) -> Callable[[str], Path]:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(arms / name, tmp_path / name))

    return copy


def ask(folder: Path) -> None:
    with in_time():
        try:
            assert isinstance(load(folder).answer(QUESTION), str)
        except SteelyardError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_any_value_under_any_key(strategy: str, copied: Callable[[str], Path]) -> None:
    folder = copied(strategy)
    ask(folder)
    for path in folder.rglob("*.json"):
        good = json.loads(path.read_text(encoding="utf-8"))
        for key in keys_in(good):
            if len(key) > 3:  # the trace of the search is kept as it is
                continue
            for value in SOME.values():
                path.write_text(json.dumps(with_value(good, key, value)), encoding="utf-8")
                ask(folder)
        path.write_text(json.dumps(good), encoding="utf-8")


@pytest.mark.parametrize("key", ["schema", "strategy", "brief", "recipe", "model", "options"])
def test_a_missing_key_is_damage(key: str, copied: Callable[[str], Path]) -> None:
    folder = copied("retrieved_few_shot")
    saved = json.loads((folder / "arm.json").read_text(encoding="utf-8"))
    del saved[key]
    (folder / "arm.json").write_text(json.dumps(saved), encoding="utf-8")
    with pytest.raises(ArmError):
        load(folder)


PARTS = (
    "arm.json",
    "index/features.json",
    "index/shots.jsonl",
    "index/idf.npz",
    "index/matrix.npz",
)


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("spoil", FILES.values(), ids=FILES)
def test_another_file_in_its_place(
    name: str, spoil: Spoil, copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied("retrieved_few_shot")
    spoil(folder / name)
    assert told(["ask", folder, QUESTION], capsys)[0] == 2


def arrays(good: Mapping[str, Any], name: str) -> dict[str, Any]:
    array = good[name]
    numbers = array.dtype.kind in "fiu"
    return {
        "objects": np.array([{}], dtype=object),
        "texts": np.array(["a"]),
        "none": np.zeros((0,)),
        "one": np.array(1.0),
        "NaN": np.full(array.shape, np.nan),
        "complex": np.ones(3, complex),
        "short": array[:-1] if array.ndim else array,
        "cube": np.zeros((2, 2, 2)),
        "largest": np.full_like(array, 2**31 - 1) if numbers else np.full((1,), 1e308),
        "negative": -np.ones_like(array) if array.dtype.kind in "fi" else array,
        "days": np.array(["2020-01-01"], dtype="datetime64"),
    }


@pytest.mark.parametrize(
    "file",
    [
        ("tfidf_linear", "linear.npz"),
        ("tfidf_linear", "idf.npz"),
        ("nearest_neighbour", "matrix.npz"),
        ("nearest_neighbour", "idf.npz"),
    ],
    ids="/".join,
)
def test_hostile_arrays(file: tuple[str, str], copied: Callable[[str], Path]) -> None:
    folder = copied(file[0])
    with np.load(folder / file[1]) as loaded:
        good = dict(loaded)
    for name in good:
        for array in arrays(good, name).values():
            np.savez(folder / file[1], **{**good, name: array})
            ask(folder)
        np.savez(folder / file[1], **{key: good[key] for key in good if key != name})
        with pytest.raises(ArmError):
            load(folder)


def test_indices_beyond_the_matrix_are_refused(copied: Callable[[str], Path]) -> None:
    """SciPy follows them, which ends the process."""
    folder = copied("nearest_neighbour")
    with np.load(folder / "matrix.npz") as loaded:
        good = dict(loaded)
    np.savez(folder / "matrix.npz", **{**good, "indices": np.full_like(good["indices"], 2**31 - 1)})
    with pytest.raises(ArmError, match="damaged"):
        load(folder)


def test_a_link_out_of_the_folder_is_refused(copied: Callable[[str], Path], tmp_path: Path) -> None:
    folder, elsewhere = copied("tfidf_linear"), tmp_path / "elsewhere"
    shutil.move(folder / "features.json", elsewhere)
    (folder / "features.json").symlink_to(elsewhere)
    with pytest.raises(ArmError, match="a link that leads out of the folder"):
        load(folder)


def test_an_adapter_out_of_the_folder_is_refused(copied: Callable[[str], Path]) -> None:
    folder = copied("retrieved_few_shot")
    saved = json.loads((folder / "arm.json").read_text(encoding="utf-8"))
    saved["model"]["adapter"] = "../../secret"
    (folder / "arm.json").write_text(json.dumps(saved), encoding="utf-8")
    with pytest.raises(ArmError, match="lies out of the folder"):
        load(folder)
