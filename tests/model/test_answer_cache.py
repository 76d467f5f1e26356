"""The answers kept across runs: found again, bounded, private, and never in the way of a run."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.core import Completion, Message, Request, Usage
from steelyard.errors import StorageError
from steelyard.model.answer_cache import (
    VARIABLE,
    AnswerCache,
    answer_key,
    cache,
    cache_path,
    is_fixed,
)


def request(text: str = "hello", **fields: object) -> Request:
    return Request((Message("user", text),), **fields)  # type: ignore[arg-type]


def answer(text: str = "hi", **fields: object) -> Completion:
    return Completion(text, "stop", **fields)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "answers.db"


def test_an_answer_comes_back_as_it_was(path: Path) -> None:
    whole = answer(
        input_tokens=7,
        total_seconds=0.1 + 0.2,
        probabilities={"A": 0.25},
        spent={"small": Usage(1, 3)},
    )
    AnswerCache(path).put("m", {"k": whole})
    assert AnswerCache(path).get(["k", "absent"]) == {"k": whole}


def test_many_keys_are_found(path: Path) -> None:
    kept = AnswerCache(path)
    kept.put("m", {f"k{n}": answer(str(n)) for n in range(1203)})
    assert len(kept.get(f"k{n}" for n in range(1500))) == 1203


def test_failures_are_not_kept(path: Path) -> None:
    kept = AnswerCache(path)
    kept.put("m", {"k": Completion("", "error", failure="HTTP 500")})
    assert kept.get(["k"]) == {}


def test_only_a_fixed_answer_may_stand_for_another() -> None:
    assert is_fixed(request())
    assert is_fixed(request(seed=3))
    assert not is_fixed(request(temperature=0.2))
    assert not is_fixed(request(nonce="latency-1"))


def test_the_key_is_made_of_everything_that_decides_the_answer() -> None:
    keys = [
        answer_key("m", "sent", request()),
        answer_key("n", "sent", request()),
        answer_key("m", "sent otherwise", request()),
        answer_key("m", "sent", request(choices=("A", "B"))),
        answer_key("m", "sent", request(stop=("\n",))),
        answer_key("m", "sent", request(schema="{}")),
    ]
    assert len(set(keys)) == len(keys)


def test_what_was_learned_of_an_endpoint_is_kept(path: Path) -> None:
    AnswerCache(path).learn("m", ("limit=max_completion_tokens", "seed"))
    assert AnswerCache(path).learned("m") == ("limit=max_completion_tokens", "seed")
    assert AnswerCache(path).learned("n") == ()


def test_the_oldest_go_first(path: Path) -> None:
    kept = AnswerCache(path, most_bytes=200_000)
    for n in range(60):
        kept.put("m", {f"k{n}-{i}": answer("x" * 900) for i in range(10)})
    found = kept.get(f"k{n}-{i}" for n in range(60) for i in range(10))
    numbers = sorted({int(key.split("-")[0][1:]) for key in found})
    assert numbers == list(range(numbers[0], 60))
    assert numbers[0] > 0
    assert 100_000 < kept.summary().bytes <= 200_000


def test_an_old_answer_is_asked_for_afresh(path: Path) -> None:
    AnswerCache(path).put("m", {"k": answer("then")})
    assert AnswerCache(path, most_days=0).get(["k"]) == {}
    AnswerCache(path).put("m", {"k": answer("now")})
    assert AnswerCache(path).get(["k"]) == {"k": answer("now")}


def test_nobody_else_may_read_it(path: Path) -> None:
    AnswerCache(path).put("m", {"k": answer()})
    files = list(path.parent.iterdir())
    assert path in files
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


def test_no_request_is_in_it(path: Path) -> None:
    secret = request("my bank account is 123456")
    AnswerCache(path).put("m", {answer_key("m", "123456", secret): answer("BILLING")})
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"BILLING" in content
    assert b"123456" not in content


@pytest.mark.parametrize(
    "damage", [b"this is a letter, not a database" * 200, b"SQLite format 3\0"]
)
def test_a_damaged_file_is_set_aside(
    path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    kept = AnswerCache(path)
    with caplog.at_level(logging.WARNING, "steelyard"):
        assert kept.get(["k"]) == {}
    kept.put("m", {"k": answer()})
    assert kept.get(["k"]) == {"k": answer()}
    assert "is damaged" in caplog.records[0].getMessage()
    assert path.with_name("answers.db.damaged").read_bytes() == damage


def test_damage_in_the_middle_does_not_stop_a_run(path: Path) -> None:
    AnswerCache(path).put("m", {f"k{n}": answer("x" * 500) for n in range(300)})
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 12] = b"\xff" * (4096 * 11)
    path.write_bytes(bytes(content))
    kept = AnswerCache(path)
    kept.get([f"k{n}" for n in range(300)])
    kept.put("m", {"new": answer()})
    assert kept.get(["new"]) == {"new": answer()}


def test_what_another_version_wrote_is_passed_over(path: Path) -> None:
    kept = AnswerCache(path)
    kept.put("m", {"k": answer()})
    code = (
        "import sqlite3, sys; file = sqlite3.connect(sys.argv[1]);"
        'file.execute("UPDATE answers SET completion = \'{\\"mood\\": 1}\'"); file.commit()'
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert kept.get(["k"]) == {}


def test_a_file_that_cannot_be_used_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = AnswerCache(tmp_path / "file" / "answers.db")
    with caplog.at_level(logging.WARNING, "steelyard"):
        kept.put("m", {"k": answer()})
        assert kept.get(["k"]) == {}
    assert len(caplog.records) == 1, "it is said once"


_WRITER = """
import sys
from pathlib import Path
from steelyard.core import Completion
from steelyard.model.answer_cache import AnswerCache
kept = AnswerCache(Path(sys.argv[1]))
for n in range(60):
    kept.put("m", {f"{sys.argv[2]}-{n}": Completion("x", "stop"), f"both-{n}": Completion("y", "stop")})
"""


def test_two_runs_write_at_once(path: Path) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), name], stderr=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert said == ["", ""], "neither went on without the cache"
    assert AnswerCache(path).summary().entries == 180


def test_the_environment_moves_it_or_turns_it_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "off")
    assert cache_path() is None
    assert cache().path is None
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path))
    assert cache_path() == tmp_path / "answers.db"
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine.db"))
    AnswerCache(tmp_path / "mine.db").put("m", {"k": answer(), "l": answer()})
    assert cache()[:2] == (tmp_path / "mine.db", 2)
    assert cache(clear=True).entries == 0
    assert cache().entries == 0


def test_a_file_that_is_no_cache_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mine = tmp_path / "examples.jsonl"
    mine.write_text('{"input": "a"}\n' * 300)
    before = mine.read_bytes()
    monkeypatch.setenv(VARIABLE, str(mine))
    with pytest.raises(StorageError, match="is not an answer cache"):
        cache(clear=True)
    assert AnswerCache(mine).get(["a"]) == {}
    assert "is another file" in caplog.text
    assert mine.read_bytes() == before and list(tmp_path.iterdir()) == [mine]


def test_clearing_what_is_not_there_is_fine(path: Path) -> None:
    AnswerCache(path).clear()
    assert AnswerCache(path).summary().entries == 0


def test_a_cache_that_is_a_pipe_is_left_alone(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    cache = AnswerCache(pipe)
    with pytest.raises(StorageError):
        cache.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"] and pipe.is_fifo()
