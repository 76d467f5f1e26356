"""Make the tasks of docs/results.md from public data in a folder the user names.

    python benchmarks/results/tasks.py DATA OUT
    steelyard run OUT/banking77 --out OUT/runs/banking77

DATA holds abcd_policies/, banking77/, gsm8k/, ifeval/ and nlupp/ as their authors publish them. The code book
is made up here, and a task may be an example of Steelyard, or another task, with other strategies. Rows are
drawn by seed.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.feature_extraction.text import TfidfVectorizer

EXAMPLES = Path(__file__).parents[2] / "examples"
SETTINGS = Path(__file__).with_name("settings.yaml")
Row = Mapping[str, Any]
Parts = dict[str, list[Row]]


def main() -> None:
    """Write one folder for each task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    settings = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    for name in (name for name, said in settings.items() if "rows" in said):
        said, source = settings[name], settings[name].get("of", name)
        parts = MAKERS[source](given.data / source, said["rows"], random.Random(given.seed))
        if said.get("pairs"):
            parts = {part: paired(rows, parts["train"]) for part, rows in parts.items()}
        write(given.out / name, {**settings[source]["task"], "name": name, **said["task"]}, parts)
        if name == "abcd_policies":
            write_pages(given.out / name / "docs", handbook(given.data / name))
        if name == "code_book":
            write_pages(given.out / name / "docs", {"code-book.md": book(said["words"])})
        print(name, {part: len(rows) for part, rows in parts.items()})
    for name, said in settings.items():
        if "example" in said:
            vary(EXAMPLES / said["example"], given.out / name, said["task"])
        if "of" in said and "rows" not in said:
            vary(given.out / said["of"], given.out / name, said["task"])


def vary(source: Path, folder: Path, changes: Mapping[str, Any]) -> None:
    """Copy a task under another name, changed; ``{out}`` stands for the folder of all tasks."""
    shutil.copytree(source, folder, dirs_exist_ok=True)
    task = yaml.safe_load((source / "task.yaml").read_text(encoding="utf-8"))
    filled = json.loads(json.dumps(changes).replace("{out}", folder.parent.as_posix()))
    write_task(folder, {**task, "name": folder.name, **filled})


def write(folder: Path, task: Mapping[str, Any], parts: Parts) -> None:
    """Write ``task.yaml`` and a file for each part."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, rows in parts.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{part}.jsonl").write_text(lines, encoding="utf-8")
    write_task(folder, {**task, "examples": {part: f"{part}.jsonl" for part in parts}})


def write_task(folder: Path, whole: Mapping[str, Any]) -> None:
    text = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=110)
    (folder / "task.yaml").write_text(text, encoding="utf-8")


def write_pages(folder: Path, pages: Mapping[str, str]) -> None:
    """Write documents."""
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


def banking77(folder: Path, sizes: Mapping[str, int], rng: random.Random) -> Parts:
    """Return all 77 intents, each part with its labels as even as can be; test from the test file."""
    tables = {}
    for part in ("train", "test"):
        with (folder / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            tables[part] = [
                {"input": row["text"].strip(), "output": row["category"]}
                for row in csv.DictReader(file)
            ]
    seen = {row["input"] for row in tables["test"]}
    fresh = [row for row in tables["train"] if row["input"] not in seen]
    chosen = even(fresh, sizes["train"] + sizes["dev"], rng)
    parts = {"dev": chosen[: sizes["dev"]], "train": chosen[sizes["dev"] :]}
    return {
        "train": parts["train"],
        "dev": parts["dev"],
        "test": even(tables["test"], sizes["test"], rng),
    }


def even(rows: Iterable[Row], size: int, rng: random.Random) -> list[Row]:
    """Draw ``size`` rows, round after round one of every label."""
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        by_label.setdefault(row["output"], []).append(row)
    for queue in by_label.values():
        rng.shuffle(queue)
    drawn: list[Row] = []
    while len(drawn) < size:
        labels = sorted(label for label, queue in by_label.items() if queue)
        rng.shuffle(labels)
        drawn += [by_label[label].pop() for label in labels]
    return drawn[:size]


def paired(rows: Sequence[Row], train: Sequence[Row]) -> list[Row]:
    """Give each row as ``rejected`` the label of the likest train message that has another one."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    known = vectorizer.fit_transform([row["input"] for row in train])
    likeness = (vectorizer.transform([row["input"] for row in rows]) @ known.T).toarray()
    pairs = []
    for row, near in zip(rows, likeness, strict=True):
        order = (train[place]["output"] for place in np.argsort(-near, kind="stable"))
        pairs.append({**row, "rejected": next(one for one in order if one != row["output"])})
    return pairs


def gsm8k(folder: Path, sizes: Mapping[str, int], rng: random.Random) -> Parts:
    """Return questions with their worked solutions."""
    tables = {part: lines(folder / f"{part}.jsonl") for part in ("train", "test")}
    rows = {
        part: [{"input": row["question"], "output": row["answer"]} for row in table]
        for part, table in tables.items()
    }
    train = rng.sample(rows["train"], sizes["train"] + sizes["dev"])
    return {
        "train": train[: sizes["train"]],
        "dev": train[sizes["train"] :],
        "test": rng.sample(rows["test"], sizes["test"]),
    }


def ifeval(folder: Path, sizes: Mapping[str, int], rng: random.Random) -> Parts:
    """Return prompts with their instructions as they are; there are no references."""
    rows = lines(folder / "input_data.jsonl")
    rng.shuffle(rows)
    return cut(rows, sizes)


def nlupp(folder: Path, sizes: Mapping[str, int], rng: random.Random) -> Parts:
    """Return the banking domain: the intents of a message, and the text of each of its slots."""
    rows = []
    for file in sorted((folder / "banking").glob("fold*.json")):
        for row in json.loads(file.read_text(encoding="utf-8")):
            slots = {name: slot["text"] for name, slot in sorted(row.get("slots", {}).items())}
            output = {"intents": sorted(row.get("intents", [])), "slots": slots}
            rows.append({"input": row["text"].strip(), "output": output})
    unlike = {row["input"].casefold(): row for row in rows}
    chosen = list(unlike.values())
    rng.shuffle(chosen)
    return cut(chosen, sizes)


def abcd_policies(folder: Path, sizes: Mapping[str, int], rng: random.Random) -> Parts:
    """Return questions for the button that follows another in one procedure of a shop's handbook."""
    rows = []
    for flow, title, steps in procedures(folder):
        for before, step in pairwise(steps):
            if step["button"] == "N/A":
                continue
            question = (
                f"A customer wants help with {title!r} ({flow}). Which button does the agent press after "
                f"[{before['button']}]?"
            )
            evidence = {"document": f"docs/{page_name(flow, title)}", "text": heading(step)}
            rows.append({"input": question, "output": step["button"], "evidence": evidence})
    unlike = list({row["input"]: row for row in rows}.values())
    rng.shuffle(unlike)
    return cut(unlike, sizes)


def code_book(folder: Path, sizes: Mapping[str, int], rng: random.Random) -> Parts:
    """Return questions for the shelf of made-up things, each thing in every part, worded otherwise in test.

    Nothing but the book, or having seen the thing before, tells its shelf.
    """
    settings = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))["code_book"]
    shelves = shelves_of(settings["words"])
    parts: Parts = {}
    for part, size in sizes.items():
        wordings = settings["wordings"]["test" if part == "test" else "train"]
        rows = [
            {
                "input": wording.format(thing=thing),
                "output": shelf,
                "evidence": {"document": "docs/code-book.md", "text": entry(thing, shelf)},
            }
            for wording in wordings
            for thing, shelf in shelves.items()
        ]
        seen = [row["input"] for row in parts.get("train", ())]
        fresh = [row for row in rows if row["input"] not in seen]
        parts[part] = rng.sample(fresh, size)
    return parts


def shelves_of(words: Mapping[str, Any]) -> dict[str, str]:
    """The things by name, made of syllables, and the shelf of each: as many on every shelf."""
    rng = random.Random(words["seed"])
    names: list[str] = []
    while len(names) < words["things"]:
        name = "".join(rng.choice(words["syllables"]) for _ in range(3))
        if name not in names:
            names.append(name)
    return {name: words["shelves"][at % len(words["shelves"])] for at, name in enumerate(names)}


def book(words: Mapping[str, Any]) -> str:
    """The code book as a document."""
    shelves = sorted(shelves_of(words).items())
    entries = "".join(f"- {entry(thing, shelf)}\n" for thing, shelf in shelves)
    return f"# Code book of the store\n\n{entries}"


def entry(thing: str, shelf: str) -> str:
    return f"{thing.capitalize()}: shelf {shelf}."


def handbook(folder: Path) -> dict[str, str]:
    """Return the pages of the handbook by name, one for each procedure."""
    pages = {}
    for flow, title, steps in procedures(folder):
        text = [f"# {flow}: {title}\n"]
        for step in steps:
            notes = "".join(f"- {note}\n" for note in step["subtext"])
            text.append(f"{heading(step)}\n\n{step['text']}\n\n{notes}")
        pages[page_name(flow, title)] = "\n".join(text)
    return pages


def procedures(folder: Path) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Yield flow, title and steps of each procedure; a button that comes twice makes no question."""
    guidelines = json.loads((folder / "guidelines.json").read_text(encoding="utf-8"))
    for flow, content in guidelines.items():
        for title, procedure in content["subflows"].items():
            buttons = [step["button"] for step in procedure["actions"]]
            if len(set(buttons)) == len(buttons) and all(buttons):
                yield flow, title, procedure["actions"]


def heading(step: Mapping[str, Any]) -> str:
    return f"## Press [{step['button']}]"


def page_name(flow: str, title: str) -> str:
    words = f"{flow} {title}".lower().replace("/", " ").split()
    return "-".join(words) + ".md"


def lines(path: Path) -> list[Row]:
    """Read JSON Lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def cut(rows: list[Row], sizes: Mapping[str, int]) -> Parts:
    """Take the parts one after the other."""
    parts, start = {}, 0
    for part, size in sizes.items():
        parts[part], start = rows[start : start + size], start + size
    return parts


MAKERS = {
    "abcd_policies": abcd_policies,
    "banking77": banking77,
    "code_book": code_book,
    "gsm8k": gsm8k,
    "ifeval": ifeval,
    "nlupp": nlupp,
}

if __name__ == "__main__":
    main()
