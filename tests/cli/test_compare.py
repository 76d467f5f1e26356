"""``compare RUN RUN``: what it prints, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import steelyard
from steelyard.cli import main
from steelyard.errors import StorageError
from steelyard.result import read_result
from steelyard.store.database import Store
from tests.tickets import write_task


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three runs of one task: ``a``, ``same`` and ``flaky``, whose prompt differs."""
    home = tmp_path_factory.mktemp("runs")
    task = write_task(home / "task", rows=60, strategies=("few_shot",))
    steelyard.run(task, home / "a")
    steelyard.run(task, home / "same")
    edited = (task / "task.yaml").read_text().replace("Classify the", "Sort this")
    (task / "task.yaml").write_text(edited)
    steelyard.run(task, home / "flaky", model="fake:flaky")
    return home


def test_a_person_reads_what_changed_and_whether_it_is_real(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["compare", "a", "flaky", "--items", "1"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    comparison = steelyard.compare("a", "flaky", items=1)
    arms = {arm.now.arm: arm for arm in comparison.arms}
    few = arms["few_shot"]
    row = next(line for line in out.splitlines() if line.startswith("few_shot "))
    assert f"{few.better}/{few.worse}" in row
    assert f"{100 * few.now.quality.value:.1f}%" in row  # type: ignore[operator]
    assert "model name: smart → flaky" in out
    assert "+ Sort this ticket. Answer with the label only." in out
    assert f"worse  {few.items[0].example_id}: " in out
    assert "p: Holm over the arms that changed" in out.replace("\n", " ")


def test_json_is_the_comparison_and_nothing_else(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(runs / "a"), str(runs / "flaky"), "--json"]) == 0
    captured = capsys.readouterr()
    expected = steelyard.compare(runs / "a", runs / "flaky").to_dict()
    assert (json.loads(captured.out), captured.err) == (expected, "")


def test_equal_runs_have_the_same_answers(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(runs / "a"), str(runs / "same")]) == 0
    out = capsys.readouterr().out
    assert "no difference. All" in out.replace("\n", " ")
    same = steelyard.RunResult(runs / "same", None, read_result(runs / "same"))
    assert out.count("same answers") == len(steelyard.compare(runs / "a", same).arms)


def test_a_folder_that_is_no_finished_run_is_one_line(
    runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for folder, words in (
        (runs / "task", "finished run"),
        (tmp_path / "none", "finished run"),
        (runs / "a", "is one run"),
    ):
        assert main(["compare", str(runs / "a"), str(folder)]) == 2
        error = capsys.readouterr().err
        assert error.startswith("steelyard: error: ") and error.count("\n") == 1
        assert words in error


def test_a_run_without_its_database_or_its_examples_says_what_to_do(
    runs: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(runs / "same", tmp_path / "copy")
    store = Store.in_folder(copy)
    store.drop_meta("test_items")
    store.close()
    with pytest.raises(StorageError, match=r"did not keep its test examples.*again with --out"):
        steelyard.compare(runs / "a", copy)
    (copy / "run.db").write_bytes(b"no database" * 100)
    with pytest.raises(StorageError, match=r"^cannot read .*: name the folder of another run$"):
        steelyard.compare(runs / "a", copy)
    (copy / "run.db").unlink()
    with pytest.raises(StorageError, match=r"no run\.db"):
        steelyard.compare(runs / "a", copy)


def test_a_result_that_its_records_do_not_bear_out_is_refused(runs: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(runs / "same", tmp_path / "copy")
    result = json.loads((copy / "result.json").read_text())
    result["arms"][0]["quality"]["value"] += 0.05
    (copy / "result.json").write_text(json.dumps(result))
    with pytest.raises(StorageError, match="do not belong together"):
        steelyard.compare(runs / "a", copy)
