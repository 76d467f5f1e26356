"""Damaged and foreign run folders: run.db, result.json, and links where a run would write or remove."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from steelyard.cli import main
from steelyard.core import Message, Price, Request
from steelyard.errors import SteelyardError, StorageError
from steelyard.model import ModelSpec
from steelyard.model.hosted.batch import BatchModel
from steelyard.model.redacting import COUNTED, redactions
from steelyard.planning.options import RunOptions
from steelyard.planning.plan import make_plan
from steelyard.result import read_result
from steelyard.store.budget import former_prices
from steelyard.store.database import Store
from steelyard.weigh.kept import with_kept
from tests.hostile.inputs import FILES, PLACES, VALUES, Spoil, keys_in, with_value
from tests.hostile.told import in_time, told
from tests.tickets import write_task

RESULT = json.loads(
    (Path(__file__).parents[1] / "report" / "result_sample.json").read_text(encoding="utf-8")
)
STATEMENTS = (
    "UPDATE completions SET input_tokens = 'many'",
    "UPDATE completions SET input_tokens = -5",
    "UPDATE completions SET output_tokens = x'00ff'",
    "UPDATE completions SET machine_seconds = 'slow'",
    "UPDATE completions SET machine_seconds = 9e999",
    "UPDATE completions SET from_cache = 'maybe'",
    "UPDATE completions SET completion = '{'",
    "UPDATE completions SET completion = '[]'",
    'UPDATE completions SET completion = \'{"text": 7, "finish_reason": "stop"}\'',
    "UPDATE completions SET completion = x'00'",
    "UPDATE records SET score = 'good'",
    "UPDATE records SET score = 9e999",
    "UPDATE records SET position = 'first'",
    "UPDATE records SET outcome = 'lost'",
    "UPDATE records SET scores = '7'",
    'UPDATE records SET scores = \'{"accuracy": "high"}\'',
    "UPDATE records SET scores = '{\"accuracy\": NaN}'",
    "UPDATE records SET output = '{}'",
    "UPDATE records SET reference = '[1]'",
    "UPDATE records SET completion = 'null'",
    "UPDATE records SET completion = replace(completion, '\"batch_size\":1', '\"batch_size\":0')",
    "UPDATE steps SET payload = '7'",
    "UPDATE steps SET payload = '{'",
    "UPDATE steps SET payload = '{\"arms\": 7}' WHERE name LIKE 'fit:%'",
    "UPDATE steps SET payload = '{}' WHERE name LIKE 'fit:%'",
    "UPDATE steps SET payload = '{\"rounds\": [7]}' WHERE name LIKE 'latency:%'",
    "UPDATE steps SET payload = '{\"train_score\": \"x\"}' WHERE name LIKE 'gap:%'",
    "UPDATE steps SET seconds = 'long'",
    "UPDATE runs SET identity = '[]'",
    "UPDATE runs SET identity = '" + "[" * 5_000 + "'",
    "UPDATE runs SET attempts = 'twice'",
    "UPDATE meta SET value = '{'",
    "DROP TABLE records",
    "ALTER TABLE records DROP COLUMN score",
    "DELETE FROM records",
    "DELETE FROM steps",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("finished")
    options = {"formats": ["system_user"]}
    strategies = ["majority", {"name": "zero_shot", "options": options}]
    task = write_task(home / "task", rows=40, strategies=strategies, extra="consistency: false\n")
    assert main(["run", str(task), "--out", str(home / "out")]) == 0
    return home


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "home"))


def run(home: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    return told(["run", home / "task", "--out", home / "out"], capsys)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: text[:60])
def test_a_damaged_database(statement: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(home / "out" / "run.db")) as database, database:
        database.execute(statement)
    code, line = run(home, capsys)
    assert code == 0 or ("run.db" in line and "choose another --out" in line)


OTHERS = ("empty", "text", "binary", *PLACES)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5_000])


def overwritten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:20_000] = bytes(19_900)
    path.write_bytes(data)


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE moz_cookies (name TEXT)")


@pytest.mark.parametrize(
    "spoil",
    [*(FILES[name] for name in OTHERS), cut, overwritten],
    ids=[*OTHERS, "cut", "overwritten"],
)
def test_another_file_in_its_place(
    spoil: Spoil, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("run.db-wal", "run.db-shm"):
        (home / "out" / name).unlink(missing_ok=True)
    spoil(home / "out" / "run.db")
    run(home, capsys)


def test_the_database_of_another_program_stays_as_it_is(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / "out" / "run.db"
    foreign(path)
    code, line = run(home, capsys)
    assert code == 2 and "another program" in line
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("moz_cookies",)]


@pytest.mark.parametrize("name", ["arms", "work", "winner", "run.db", "run.log", "result.json"])
@pytest.mark.parametrize("option", [(), ("--no-cache",)], ids=["again", "anew"])
def test_nothing_is_written_or_removed_through_a_link(
    name: str, option: tuple[str, ...], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, elsewhere = home / "out" / name, home / "elsewhere"
    shutil.rmtree(home / "out" / "work", ignore_errors=True)
    if place.exists():
        shutil.move(place, elsewhere)
    else:
        elsewhere.mkdir()
    (elsewhere / "mine" if elsewhere.is_dir() else home / "mine").write_text("precious")
    before = sorted(str(path) for path in home.rglob("*") if "out" not in path.parts)
    place.symlink_to(elsewhere)
    code, line = told(["run", home / "task", "--out", home / "out", *option], capsys)
    assert code == 2 and "is a link" in line
    assert sorted(str(path) for path in home.rglob("*") if "out" not in path.parts) == before


KEYS = [key for key in keys_in(RESULT) if len(key) < 5]


@pytest.mark.parametrize("name", VALUES)
def test_any_value_under_any_key_of_a_result(name: str, tmp_path: Path) -> None:
    with in_time():
        for key in KEYS[:: len(KEYS) // 60]:
            text = json.dumps(with_value(RESULT, key, VALUES[name]))
            (tmp_path / "result.json").write_text(text, encoding="utf-8")
            try:
                read_result(tmp_path)
            except SteelyardError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize("spoil", FILES.values(), ids=FILES)
def test_another_file_in_the_place_of_a_result(
    spoil: Spoil, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(tmp_path / "result.json")
    assert told(["report", tmp_path], capsys)[0] == 2


def test_a_folder_of_another_is_not_taken(tmp_path: Path) -> None:
    from steelyard.store.folder import check_ours

    (tmp_path / "arms").mkdir()
    (tmp_path / "arms" / "out").symlink_to(tmp_path.parent)
    (tmp_path / "run.db").touch()
    with pytest.raises(StorageError, match="leads out of the folder"):
        check_ours(tmp_path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.strategies.x", "7"),
        ("$.strategies.x", '["zero_shot"]'),
        ("$.strategies.x", '["zero_shot", 7]'),
        ("$.strategies.x", "[[], {}]"),
        ("$.strategies", "7"),
        ("$.model", "7"),
        ("$.model", '{"name": []}'),
    ],
)
def test_a_damaged_identity(
    path: str, value: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(home / "out" / "run.db")) as database, database:
        database.execute("UPDATE runs SET identity = json_set(identity, ?, json(?))", (path, value))
    code, line = run(home, capsys)
    assert code == 2 and ("run.db is damaged" in line or "different inputs" in line)


@pytest.mark.parametrize(
    "value", ["7", "[]", '["a"]', '[["a"], "often"]', '{"a": 1}', '[["a"], 1, 2]']
)
def test_damaged_notes_of_a_run(value: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(home / "out" / "run.db")) as database, database:
        database.execute("UPDATE meta SET value = ? WHERE key = 'test_opened'", (value,))
    code, line = run(home, capsys)
    assert code == 0 if value == "[]" else "run.db is damaged" in line


@pytest.mark.parametrize(
    "identity",
    [
        {"models": 7},
        {"models": {"x": None}},
        {"models": {"x": {"provider": 7}}},
        {"models": {"x": {"provider": "fake", "name": "x", "wings": 2}}},
        {"models": {"x": {"provider": "fake"}}},
        {"strategies": ["zero_shot"]},
    ],
    ids=str,
)
def test_damaged_models_of_a_folder(identity: dict[str, Any], home: Path) -> None:
    plan = make_plan(home / "task", RunOptions())
    strategies = {"few_shot": ["few_shot", {}]}
    with (
        closing(Store.in_folder(home / "out")) as store,
        pytest.raises(StorageError, match="damaged"),
    ):
        with_kept(plan, {"strategies": strategies, **identity}, store, home / "out")


@pytest.mark.parametrize(
    "price", [7, [], {"input": "dear"}, {"input": "NaN"}, {"output": True}, {"cheap": 1}]
)
def test_a_damaged_price_of_a_former_model(price: Any, home: Path) -> None:
    with closing(Store.in_folder(home / "out")) as store:
        former_prices(store, {"openai:m": Price(input=Decimal("0.5"), output=Decimal(1))}, {})
        assert former_prices(store, {}, {})["openai:m"].input == Decimal("0.5")
        store.set_meta("price:openai:m", price)
        with pytest.raises(StorageError, match="damaged"):
            former_prices(store, {}, {})


@pytest.mark.parametrize(
    "count", [7, [], {"values": "many", "requests": 1}, {"values": 1, "times": 1}]
)
def test_a_damaged_count_of_redacted_values(count: Any) -> None:
    with pytest.raises(StorageError, match=r"damaged: redacted"):
        redactions({COUNTED: count or "x"})


@pytest.mark.parametrize(
    "entry",
    [
        7,
        None,
        [],
        {},
        {"ids": 7, "batch": None},
        {"ids": [7], "batch": "b"},
        {"ids": [], "batch": 7},
    ],
)
def test_a_damaged_batch_under_way(entry: Any) -> None:
    model = BatchModel(ModelSpec("openai", "small", "http://127.0.0.1:9/v1", batch=True))
    model.memory = {"batch:x": entry}
    with pytest.raises(StorageError, match="damaged: a batch under way"):
        model.generate([Request((Message("user", "hi"),))])


CONTRADICTIONS: dict[str, Callable[[Any], object]] = {
    "an arm that is not there": lambda result: result["verdict"].update(arm="nobody"),
    "a leader that is not there": lambda result: result["verdict"]["details"].update(
        leading="nobody"
    ),
    "a reference that is not there": lambda result: result.update(reference="nobody"),
    "comparisons of others": lambda result: [one.update(arm="x") for one in result["comparisons"]],
    "no arms": lambda result: result.update(arms=[]),
    "an arm twice": lambda result: result["arms"].append(result["arms"][0]),
    "labels of another task": lambda result: result["task"].update(labels=["a"]),
    "parts of other labels": lambda result: result["audit"]["parts"]["train"].update(
        labels={"x": 1}
    ),
    "no metrics": lambda result: result["task"].update(metrics=[]),
    "another metric": lambda result: result["task"].update(metric="nothing"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_parts_of_a_result_that_contradict_each_other(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = json.loads(json.dumps(RESULT))
    CONTRADICTIONS[name](result)
    (tmp_path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    code, line = told(["report", tmp_path], capsys)
    assert code == 0 or "contradict each other" in line
