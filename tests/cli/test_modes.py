"""What holds other people's texts is its owner's only, however open the umask is."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.cli import main
from tests.tickets import write_task

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if mode(path) & 0o077]


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return write_task(
        tmp_path / "task",
        rows=60,
        strategies=["zero_shot", "retrieved_few_shot", "tfidf_linear"],
        extra="consistency: false\n",
    )


def test_a_new_run_is_private(task: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "out"
    assert main(["run", str(task), "--out", str(out), "--json"]) == 0
    assert mode(out) == 0o700
    assert {"run.db", "result.json", "report.html", "run.log"} <= {
        path.name for path in out.iterdir()
    }
    assert open_to_others(out) == []
    assert mode(out / "arms") == 0o700 and mode(out / "run.db") == 0o600


def test_a_folder_of_the_users_stays_open_and_older_files_are_closed(
    task: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir(0o755)
    (out / "notes.txt").write_text("mine")
    assert main(["run", str(task), "--out", str(out), "--json"]) == 0
    notes = str(out / "notes.txt")
    assert mode(out) == 0o755 and open_to_others(out) == [notes]
    for path in out.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    assert main(["run", str(task), "--out", str(out), "--json"]) == 0
    assert open_to_others(out) == [notes]
    (out / "report.html").chmod(0o666)
    assert main(["report", str(out)]) == 0
    assert open_to_others(out) == [notes]


def test_a_split_a_page_and_answers_are_private(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, page, answers = tmp_path / "out", tmp_path / "page.html", tmp_path / "answers.jsonl"
    assert main(["data", "split", str(task), "--out", str(out), "--subsets", "10"]) == 0
    assert mode(out) == 0o700 and open_to_others(out) == []
    assert main(["data", "check", str(task), "--html", str(page)]) == 0
    assert mode(page) == 0o600
    rows = (task / "examples.jsonl").read_text().splitlines()
    rows.append(rows[0].replace('"t0"', '"again"').replace("BILLING", "TECHNICAL"))
    (task / "examples.jsonl").write_text("\n".join(rows) + "\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("k\nq\n"))
    argv = ["data", "label", str(task), "--answers", str(answers), "--only", "contradictions"]
    assert main(argv) == 0
    assert mode(answers) == 0o600


@pytest.mark.parametrize(
    "name", ["run.log", "run.db", "run.lock", "report.html", "train.html", "arms", "winner"]
)
@pytest.mark.parametrize("is_there", [True, False])
def test_no_link_in_a_run_folder_is_followed(
    name: str, is_there: bool, task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, mine = tmp_path / "out", tmp_path / "mine"
    if is_there:
        mine.write_text("mine\n")
        mine.chmod(0o644)
    out.mkdir()
    (out / name).symlink_to(mine)
    assert main(["run", str(task), "--out", str(out)]) == 2
    assert f"{out / name} is a link" in capsys.readouterr().err
    assert mine.exists() == is_there
    if is_there:
        assert mode(mine) == 0o644 and mine.read_text() == "mine\n"
