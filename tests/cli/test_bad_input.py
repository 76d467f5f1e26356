"""Bad input, as a table: one line that says what to do, a non-zero exit, nothing half-written."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.model.trust import agree, key_use
from steelyard.result import read_result
from steelyard.store.database import Store
from tests.model.endpoint import error, serving
from tests.tickets import write_task

Spoil = Callable[[Path], object]


@dataclass(frozen=True)
class Bad:
    """A way to spoil a task, and what the one line must say (all of it)."""

    spoil: Spoil
    says: tuple[str, ...]


def yaml(text: str) -> Spoil:
    return lambda task: (task / "task.yaml").write_text(text, encoding="utf-8")


def appended(text: str) -> Spoil:
    def spoil(task: Path) -> None:
        with (task / "task.yaml").open("a", encoding="utf-8") as file:
            file.write(text)

    return spoil


def replaced(old: str, new: str) -> Spoil:
    def spoil(task: Path) -> None:
        path = task / "task.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return spoil


def examples(data: bytes | str) -> Spoil:
    raw = data if isinstance(data, bytes) else data.encode()
    return lambda task: (task / "examples.jsonl").write_bytes(raw)


def rows(*pairs: tuple[str, str], times: int = 1) -> str:
    return "".join(
        json.dumps({"input": f"{text} {i}", "output": label}) + "\n"
        for i in range(times)
        for text, label in pairs
    )


def without_label_in_train(task: Path) -> None:
    labels = [("some invoice", "BILLING"), ("a crash", "TECHNICAL")]
    (task / "train.jsonl").write_text(rows(*labels, times=12))
    (task / "test.jsonl").write_text(rows(*labels, ("my password", "ACCOUNT"), times=6))
    replaced("examples: examples.jsonl", "examples: {train: train.jsonl, test: test.jsonl}")(task)


LATIN = '{"input": "Rechnung für März", "output": "BILLING"}\n'.encode("latin-1")

BEFORE_ANYTHING = {
    "wrong YAML": Bad(yaml("name: [unclosed\n"), ("task.yaml", "not valid YAML", "line")),
    "empty YAML": Bad(yaml(""), ("task.yaml", "empty")),
    "unknown key": Bad(appended("strategy: auto\n"), ("'strategy'", "did you mean 'strategies'")),
    "empty instruction": Bad(
        replaced("Classify the ticket. Answer with the label only.", "''"), ("instruction", "empty")
    ),
    "unknown strategy": Bad(
        replaced('"few_shot"', '"few_shots"'), ("'few_shots'", "did you mean 'few_shot'")
    ),
    "unknown metric": Bad(appended("metric: acuracy\n"), ("'acuracy'", "did you mean 'accuracy'")),
    "unknown model": Bad(replaced('"fake:smart"', "smolm2-135m"), ("did you mean", "smollm2-135m")),
    "unknown option": Bad(
        replaced('["zero_shot", "few_shot"]', "[{name: few_shot, options: {shotz: 3}}]"),
        ("unknown option 'shotz'",),
    ),
    "no examples file": Bad(lambda task: (task / "examples.jsonl").unlink(), ("no file",)),
    "wrong encoding": Bad(examples(LATIN), ("examples.jsonl", "not UTF-8", "iconv")),
    "UTF-16": Bad(examples(LATIN.decode("latin-1").encode("utf-16")), ("UTF-16", "iconv")),
    "empty file": Bad(examples(""), ("examples.jsonl", "no examples")),
    "no JSON": Bad(examples("not json\n"), ("examples.jsonl", "line 1")),
    "one label": Bad(
        lambda task: (
            examples(rows(("an invoice", "BILLING"), times=40))(task),
            replaced(", labels: [BILLING, TECHNICAL, ACCOUNT]", "")(task),
        ),
        ("label", "BILLING"),
    ),
    "three examples": Bad(
        examples(rows(("an invoice", "BILLING"), ("a crash", "TECHNICAL"), ("login", "ACCOUNT"))),
        ("3 examples",),
    ),
    "a label missing from train": Bad(without_label_in_train, ("ACCOUNT", "train")),
    "a label that is not listed": Bad(
        examples(rows(("an invoice", "BILING"), times=40)),
        ("BILING", "did you mean 'BILLING'", "--skip-bad-rows"),
    ),
}


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr, after the plan's plain lines where a run had begun."""
    lines = capsys.readouterr().err.strip().splitlines()
    errors = [line for line in lines if line.startswith("steelyard: error: ")]
    assert lines and errors == lines[-1:]
    return lines[-1]


@pytest.mark.parametrize("bad", BEFORE_ANYTHING.values(), ids=BEFORE_ANYTHING)
def test_seen_before_anything_is_spent(
    bad: Bad, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, out = write_task(tmp_path / "task"), tmp_path / "out"
    bad.spoil(task)
    assert main(["run", str(task), "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("steelyard: error: ") and captured.err.count("\n") == 1
    for words in bad.says:
        assert words in captured.err
    assert captured.out == ""
    assert not out.exists(), "nothing is written"


def measured(out: Path) -> int:
    """How many records the run folder holds of the cheap references."""
    store = Store.in_folder(out)
    names = ("majority", "tfidf_linear", "nearest_neighbour")
    count = sum(len(store.records(name)) for name in names)
    store.close()
    return count


def assert_stopped_midway(out: Path) -> None:
    assert not (out / "result.json").exists()
    assert not list(out.glob(".*.part"))
    assert measured(out) > 0, "what was measured is still there"


def hosted(task: Path, base_url: str) -> None:
    model = f"{{provider: openai, name: some-model, base_url: '{base_url}', api_key_env: TEST_KEY}}"
    replaced('model: "fake:smart"', f"model: {model}")(task)
    agree(key_use("TEST_KEY", base_url))


def test_unreachable_endpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-secret-of-the-test")
    task, out = write_task(tmp_path / "task"), tmp_path / "out"
    hosted(task, "http://127.0.0.1:9/v1")
    assert main(["run", str(task), "--out", str(out)]) == 2
    line = said(capsys)
    assert "127.0.0.1:9" in line and "cannot be reached" in line and "base_url" in line
    assert_stopped_midway(out)


def test_wrong_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-secret-of-the-test")
    task, out = write_task(tmp_path / "task"), tmp_path / "out"
    with serving(lambda request, before: error(401, "Incorrect API key provided")) as endpoint:
        hosted(task, endpoint.base_url)
        assert main(["run", str(task), "--out", str(out)]) == 2
    line = said(capsys)
    assert "TEST_KEY" in line and "401" in line
    assert "sk-secret" not in line + (out / "run.log").read_text(encoding="utf-8")
    assert_stopped_midway(out)


def test_no_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_KEY", raising=False)
    task, out = write_task(tmp_path / "task"), tmp_path / "out"
    hosted(task, "https://models.example.org/v1")
    assert main(["run", str(task), "--out", str(out)]) == 2
    assert "TEST_KEY" in said(capsys)
    assert_stopped_midway(out)


def test_a_hundred_thousand_characters_are_one_failed_record(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", model="fake:smart?context=4000", strategies=["zero_shot"])
    for part, start, stop in (("train", 0, 50), ("dev", 50, 70), ("test", 70, 90)):
        lines = (task / "examples.jsonl").read_text().splitlines()[start:stop]
        if part == "test":
            lines.append(json.dumps({"id": "long", "input": "word " * 20_000, "output": "BILLING"}))
        (task / f"{part}.jsonl").write_text("\n".join(lines) + "\n")
    replaced(
        "examples: examples.jsonl",
        "examples: {train: train.jsonl, dev: dev.jsonl, test: test.jsonl}",
    )(task)
    assert main(["run", str(task), "--out", str(tmp_path / "out"), "--json"]) == 0
    result = read_result(tmp_path / "out")
    [failed] = result.failures["zero_shot"]
    assert failed.example_id == "long"
    assert "context is 4000" in failed.reason
    [arm] = [arm for arm in result.arms if arm.name == "zero_shot"]
    assert (arm.outcomes.scored, arm.outcomes.failed) == (20, 1)


def subprocess_run(
    task: Path, out: Path, environment: dict[str, str], before: Callable[[], object] | None = None
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([environment.get("PYTHONPATH", ""), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "steelyard", "run", str(task), "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment, "PYTHONPATH": path},
        preexec_fn=before,
    )


HIDING = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = name.partition(".")[0] in {"torch", "transformers", "peft", "gguf"}
        return None if hidden else super().find_spec(name, path, target)

sys.meta_path[:] = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
"""


def test_no_extra_installed(tmp_path: Path) -> None:
    """An interpreter that cannot find torch and its kin, as where the extra is not installed."""
    (tmp_path / "hiding").mkdir()
    (tmp_path / "hiding" / "sitecustomize.py").write_text(HIDING)
    task = write_task(tmp_path / "task", model="smollm2-135m", strategies="auto")
    out = tmp_path / "out"
    done = subprocess_run(task, out, {"PYTHONPATH": str(tmp_path / "hiding")})
    assert done.returncode == 2, done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("steelyard: error: ")
    assert 'pip install "steelyard[local]"' in line
    assert "Traceback" not in done.stderr
    assert_stopped_midway(out)


def test_no_disk_space(tmp_path: Path) -> None:
    """A limit on the size of a file stands for a full disk: the system refuses the write alike."""
    task, out = write_task(tmp_path / "task", rows=300), tmp_path / "out"
    limit = 600_000
    done = subprocess_run(
        task, out, {}, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert done.returncode == 2, done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("steelyard: error: cannot ")
    assert "free some" in line
    assert "Traceback" not in done.stderr
    assert_stopped_midway(out)
    assert subprocess_run(task, out, {}).returncode == 0, "with space again the run goes on"


def test_a_file_where_the_folder_should_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file")
    assert main(["run", str(write_task(tmp_path / "task")), "--out", str(tmp_path / "out")]) == 2
    assert "is a file: choose another --out" in said(capsys)
    assert (tmp_path / "out").read_text() == "a file"
