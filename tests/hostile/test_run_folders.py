"""Damaged and foreign run folders: run.db, result.json, and links where a run would write or remove."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.errors import SteelyardError, StorageError
from steelyard.result import read_result
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
