"""Whatever task.yaml holds or is, a command ends in time with one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from steelyard.errors import SteelyardError
from steelyard.task import load_task
from tests.hostile.inputs import CONTENTS, FILES, VALUES, content, keys_in, with_value
from tests.hostile.told import in_time, told
from tests.tickets import write_task

GOOD = {
    "name": "t",
    "instruction": "Classify.",
    "output": {"kind": "label", "labels": ["BILLING", "TECHNICAL", "ACCOUNT"]},
    "examples": "examples.jsonl",
    "metric": [{"name": "accuracy"}],
    "model": {"provider": "fake", "name": "smart"},
    "strategies": [{"name": "majority", "options": {}}],
    "temperature": 0.0,
    "consistency": {"repeats": 3},
    "traffic": {"requests_per_day": 100, "horizon_days": 30, "error_cost": 0.1},
    "prices": {"smart": {"input": 1, "output": 2}},
    "constraints": {"min_quality": 0.5, "margin": 0.1},
    "columns": {"input": "input", "output": "output"},
    "split": {"train": 0.6, "dev": 0.2, "test": 0.2},
    "max_output_tokens": 9,
}
KEYS = list(keys_in(GOOD))


def laughs(inner: str) -> str:
    """Nine lines that stand for a thousand million values; ``inner`` joins nine aliases."""
    first = "a0: &a0 {k: x}\n"
    aliases = (",".join(inner.format(f"*a{i - 1}", j) for j in range(9)) for i in range(1, 9))
    return first + "".join(f"a{i}: &a{i} {{{names}}}\n" for i, names in enumerate(aliases, 1))


ADDED = {
    "aliases without end": laughs("k{1}: {0}"),
    "merged aliases": "".join(
        f"a{i}: &a{i} {{<<: [{','.join([f'*a{i - 1}'] * 9)}]}}\n" if i else "a0: &a0 {k: x}\n"
        for i in range(9)
    ),
    "a list in itself": "rules: &r [*r]\n",
    "a mapping in itself": "constraints: &r {min_quality: *r}\n",
    "merged into itself": "constraints: &r {<<: *r}\n",
    "a merged number": "constraints: {<<: 5}\n",
    "a Python tag": "rules: !!python/object/apply:os.system ['echo hi']\n",
    "an empty int": "temperature: !!int ''\n",
    "no bool": "temperature: !!bool maybe\n",
    "no time": "temperature: !!timestamp maybe\n",
    "an empty float": "temperature: !!float ''\n",
    "binary": "documents: !!binary aGVsbG8=\n",
    "a set": "rules: !!set {a, b}\n",
    "pairs": "rules: !!omap [a: 1]\n",
    "a tag of its own": "rules: !mine [a]\n",
    "a day that is none": "documents: 2020-13-41\n",
    "a day as key": "prices: {2020-01-01: {input: 1, output: 2}}\n",
    "null as key": "~: 1\n",
    "a list as key": "? [a, {b: c}]\n: 1\n",
    "an equals sign": "documents: =\n",
    "a second document": "---\nname: b\n",
    "an unknown alias": "rules: [*nope]\n",
    "an anchor twice": "rules: [&a x, &a y]\n",
    "deep lists": f"rules: {'[' * 100_000}{']' * 100_000}\n",
    "deep mappings": f"rules: {'{a: ' * 5_000}\n",
    "deep items": f"rules: \n{'- ' * 5_000}x\n",
    "rather deep": f"rules: {'[' * 250}{']' * 250}\n",
    "wide": f"prices: {{{','.join(f'm{i}: {{input: 1}}' for i in range(2_000))}}}\n",
    "too large": f"# {'x' * 600_000}\n",
    "quotes": f"rules: {chr(39) * 1_001}\n",
    "an endless number": f"max_output_tokens: {'9' * 10_000}\n",
    "an endless hexadecimal number": f"max_output_tokens: 0x{'f' * 10_000}\n",
    "endless sixties": f"max_output_tokens: {':'.join(['59'] * 3_000)}\n",
    "infinity": "temperature: 1e400\n",
    "a documents path with NUL": 'documents: "a\\0"\n',
    "nobody's home": 'documents: "~nobodyuser/x"\n',
    "a metric in nobody's home": 'metric: "~nobodyuser/a.py:f"\n',
    "a metric with NUL": 'metric: "a\\0.py:f"\n',
    "a module of dots": 'metric: "..a:f"\n',
    "a function of the system": 'metric: "os:system"\n',
    "a key twice": "name: b\n",
    "a control character": 'documents: "\\e[31m"\n',
}
"""Lines added to a good task.yaml."""

REPLACED = {
    "an examples path with NUL": ("examples.jsonl", '"a\\0b"'),
    "a device": ("examples.jsonl", "/dev/zero"),
    "examples in nobody's home": ("examples.jsonl", "~nobodyuser/x"),
    "examples at a long path": ("examples.jsonl", "ü" * 150),
    "examples far above": ("examples.jsonl", "../" * 60 + "x"),
    "a model with NUL": ('"fake:smart"', '"hf:a\\0b"'),
    "a model in nobody's home": ('"fake:smart"', '"hf:~nobodyuser/x"'),
    "a model without a name": ('"fake:smart"', '"hf:"'),
    "a long model name": ('"fake:smart"', f'"{"x" * 50_000}"'),
    "a schema with NUL": ("kind: label, labels: [BILLING", 'kind: json, schema: "a\\0.json", x: ['),
    "a schema at a long path": (
        "kind: label, labels: [BILLING, TECHNICAL, ACCOUNT]",
        f"kind: json, schema: {'a' * 400}.json",
    ),
    "a schema in nobody's home": (
        "kind: label, labels: [BILLING, TECHNICAL, ACCOUNT]",
        "kind: json, schema: ~nobodyuser/a.json",
    ),
}


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return write_task(tmp_path / "task", rows=60, strategies=["majority"])


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ".".join(map(str, key)))
def test_any_value_under_any_key(key: tuple[str | int, ...], task: Path) -> None:
    for name, value in VALUES.items():
        text = json.dumps(with_value(GOOD, key, value))
        (task / "task.yaml").write_text(text, encoding="utf-8")
        with in_time():
            try:
                load_task(task)
            except SteelyardError as error:
                assert str(error).strip(), name


@pytest.mark.parametrize("added", ADDED.values(), ids=ADDED)
def test_a_hostile_line(added: str, task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (task / "task.yaml").open("a", encoding="utf-8") as file:
        file.write(added)
    code, line = told(["plan", task], capsys)
    assert code == 0 or "task.yaml" in line or "metric" in line


@pytest.mark.parametrize("pair", REPLACED.values(), ids=REPLACED)
def test_a_hostile_name(
    pair: tuple[str, str], task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = task / "task.yaml"
    text = path.read_text(encoding="utf-8")
    assert pair[0] in text
    path.write_text(text.replace(*pair), encoding="utf-8")
    told(["plan", task], capsys)


@pytest.mark.parametrize("spoil", FILES.values(), ids=FILES)
def test_another_file_in_its_place(
    spoil: object, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(spoil)
    spoil(task / "task.yaml")
    assert told(["plan", task], capsys)[0] == 2


@pytest.mark.parametrize("name", CONTENTS)
def test_another_file_in_the_place_of_the_schema(
    name: str, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = yaml.safe_load((task / "task.yaml").read_text(encoding="utf-8"))
    config["output"] = {"kind": "json", "schema": "order.json"}
    (task / "task.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    content(CONTENTS[name])(task / "order.json")
    told(["plan", task], capsys)
