"""``--trust``: a key that a task or a saved arm would send to a stranger is not sent, unless agreed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.cli import main
from tests.model.endpoint import error, serving, stream
from tests.tickets import write_task

SECRET = "0123456789secret"


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_TRUST_FILE", str(tmp_path / "trust"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def strangers_task(folder: Path, base_url: str, judge: bool = False) -> Path:
    evil = {
        "provider": "openai",
        "name": "m",
        "base_url": base_url,
        "api_key_env": "AWS_SECRET_ACCESS_KEY",
    }
    task = write_task(folder, rows=60, strategies=["zero_shot"])
    text = (task / "task.yaml").read_text()
    if judge:
        text = re.sub("output: .*", "output: {kind: text}", text)
        text += f"metric: judge\njudge: {{model: {json.dumps(evil)}}}\n"
    else:
        text = text.replace('model: "fake:smart"', f"model: {json.dumps(evil)}")
    (task / "task.yaml").write_text(text + "consistency: false\n")
    return task


def test_a_run_asks_before_a_key_goes_to_a_stranger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda request, _: stream("BILLING")) as endpoint:
        task, out = strangers_task(tmp_path / "task", endpoint.base_url), tmp_path / "out"
        origin = endpoint.base_url.removesuffix("/v1")
        argv = ["run", str(task), "--out", str(out)]
        assert main(argv) == 2
        error = capsys.readouterr().err
        assert f"AWS_SECRET_ACCESS_KEY would be sent to {origin}" in error
        assert error.strip().endswith(f"steelyard run {task} --out {out} --trust")
        assert endpoint.keys == [] and not out.exists()

        assert main(["plan", str(task), "--out", str(out)]) == 0
        assert "AWS_SECRET_ACCESS_KEY" in capsys.readouterr().out
        assert endpoint.keys == []

        assert main([*argv, "--trust"]) == 0
        assert f"AWS_SECRET_ACCESS_KEY may go to {origin}" in capsys.readouterr().err
        assert set(endpoint.keys) == {f"Bearer {SECRET}"}
        assert main([*argv, "--no-cache"]) == 0, "asked once"


def test_a_plan_agrees_for_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = strangers_task(tmp_path / "task", "http://127.0.0.1:9/v1")
    assert main(["plan", str(task), "--trust"]) == 0
    said = capsys.readouterr()
    assert "may go to http://127.0.0.1:9" in said.err and "will stop" not in said.out
    assert "AWS_SECRET_ACCESS_KEY http://127.0.0.1:9" in (tmp_path / "trust").read_text()


def test_a_judge_is_no_way_around(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda request, _: stream("A")) as endpoint:
        task = strangers_task(tmp_path / "task", endpoint.base_url, judge=True)
        assert main(["run", str(task), "--out", str(tmp_path / "out")]) == 2
    assert "AWS_SECRET_ACCESS_KEY would be sent" in capsys.readouterr().err
    assert endpoint.keys == []


def test_a_strangers_winner_gets_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda request, _: stream("BILLING")) as endpoint:
        task = write_task(tmp_path / "task", rows=60, strategies=["zero_shot"])
        assert main(["run", str(task), "--out", str(tmp_path / "out"), "--json"]) == 0
        arm = next((tmp_path / "out" / "arms").glob("zero_shot*"))
        manifest = arm / "arm.json"
        saved = json.loads(manifest.read_text())
        saved["model"] = {
            "provider": "openai",
            "name": "m",
            "base_url": endpoint.base_url,
            "api_key_env": "AWS_SECRET_ACCESS_KEY",
        }
        manifest.write_text(json.dumps(saved))
        capsys.readouterr()
        argv = ["ask", str(arm), "my invoice is wrong"]
        assert main(argv) == 2
        assert "AWS_SECRET_ACCESS_KEY would be sent" in capsys.readouterr().err
        assert endpoint.keys == []
        assert main([*argv, "--trust"]) == 0
        assert endpoint.keys == [f"Bearer {SECRET}"]


def test_credentials_in_an_address_are_refused_and_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for base_url in ("https://user:hunter2@a.test/v1", "https://a.test/v1?api_key=hunter2"):
        task = strangers_task(tmp_path / "task", base_url)
        assert main(["run", str(task), "--out", str(tmp_path / "out")]) == 2
        error = capsys.readouterr().err
        assert "base_url carries" in error and "api_key_env" in error
        assert "hunter2" not in error


def test_a_header_is_no_way_around(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda request, _: stream("BILLING")) as endpoint:
        task = strangers_task(tmp_path / "task", endpoint.base_url)
        text = (task / "task.yaml").read_text()
        for key in ('"tag": "m"', '"api_key_env": "NOT_SET"'):
            headers = '"extra_headers": {"X-Team": "${AWS_SECRET_ACCESS_KEY}"}'
            named = '"api_key_env": "AWS_SECRET_ACCESS_KEY"'
            (task / "task.yaml").write_text(text.replace(named, f"{key}, {headers}"))
            assert main(["run", str(task), "--out", str(tmp_path / "out")]) == 2
            assert "AWS_SECRET_ACCESS_KEY would be sent" in capsys.readouterr().err
            assert main(["plan", str(task)]) == 0
            assert "AWS_SECRET_ACCESS_KEY would be sent" in " ".join(
                capsys.readouterr().out.split()
            )
    assert endpoint.requests == [] and not (tmp_path / "out").exists()


ASKING = """
from steelyard.cli.trust import settle
from steelyard.errors import UntrustedKeyError
settle(UntrustedKeyError("MY_KEY", "http://a.test"), trust=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
@pytest.mark.parametrize(
    ("typed", "agreed"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("\x04", False)],
)
def test_at_a_terminal_only_yes_is_yes(typed: str, agreed: bool, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    try:
        os.write(ours, typed.encode())
        done = subprocess.run(
            [sys.executable, "-c", ASKING], stdin=theirs, stderr=theirs, check=False, timeout=120
        )
        shown = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "Send the key in MY_KEY to http://a.test? [y/N]" in shown
    assert (done.returncode == 0) == agreed == (tmp_path / "trust").exists()


def test_no_credential_is_left_anywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own address may carry a login; it stays in the environment, as the key does."""
    key = "sk-of-the-test-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("STEELYARD_ANSWER_CACHE", str(tmp_path / "answers.db"))
    with serving(lambda request, n: stream("BILLING") if n < 9 else error(400, key)) as endpoint:
        login = endpoint.base_url.replace("http://", "http://bob:hunter2@") + "?token=hunter3"
        monkeypatch.setenv("OPENAI_BASE_URL", login)
        task = write_task(
            tmp_path / "task", rows=60, model="openai:m", strategies=["zero_shot", "few_shot"]
        )
        with (task / "task.yaml").open("a") as file:
            file.write("consistency: false\nprices: {m: {input: 1, output: 1}}\n")
        assert main(["plan", str(task)]) == 0
        main(["run", str(task), "--out", str(tmp_path / "out")])
        assert main(["report", str(tmp_path / "out")]) == 0
    assert set(endpoint.keys) == {f"Bearer {key}"}
    monkeypatch.setenv("OPENAI_BASE_URL", login.replace(endpoint.base_url[7:], "127.0.0.1:9/v1"))
    main(["run", str(task), "--out", str(tmp_path / "down")])
    said = capsys.readouterr()
    contents = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    everything = b"".join([said.out.encode(), said.err.encode(), *contents])
    for secret in (key, "hunter2", "hunter3"):
        assert secret.encode() not in everything
