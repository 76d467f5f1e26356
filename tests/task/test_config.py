from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from steelyard.errors import ConfigError
from steelyard.model import ModelSpec
from steelyard.model.config import ModelConfig, endpoints
from steelyard.task import build_task, load_task, with_labels

BASE = """\
name: tickets
instruction: Classify.
output: {kind: label, labels: [A, B]}
examples: e.jsonl
"""


def write(
    folder: Path, text: str | bytes, examples: str = '{"input": "x", "output": "A"}\n'
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "e.jsonl").write_text(examples, encoding="utf-8")
    (folder / "task.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_a_task_loads_from_its_folder_or_its_file(tmp_path: Path) -> None:
    write(tmp_path, BASE)
    task = load_task(tmp_path)
    assert task == load_task(tmp_path / "task.yaml")
    assert task.folder == tmp_path.resolve()
    assert task.example_paths == {"all": tmp_path.resolve() / "e.jsonl"}
    assert task.primary_metric == "accuracy"
    assert task.model.to_dict() == {"provider": "embedded", "name": "smollm2-135m"}
    assert task.strategies == "auto"
    assert task.traffic_is_assumed


def test_every_key_is_read(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    extra = """\
metric: [accuracy, macro_f1]
model: {provider: openai, name: m, base_url: "http://localhost:1/v1", api_key_env: MY_KEY}
strategies: [zero_shot, {name: few_shot, options: {k: 4}}]
documents: docs
traffic: {requests_per_day: 7, horizon_days: 9}
prices: {m: {input: 0.15, cached: 0.08, output: 0.60}, machine: {per_hour: 0.4}}
constraints: {min_quality: 0.85, max_latency_p95_ms: 500, max_monthly_cost: 99.90}
columns: {input: ticket}
split: {test: 0.4}
max_output_tokens: 12
"""
    task = load_task(write(tmp_path, BASE + extra))
    assert task.metrics == ("accuracy", "macro_f1")
    assert task.model.base_url == "http://localhost:1/v1"
    assert task.strategies != "auto"
    assert [item.name for item in task.strategies] == ["zero_shot", "few_shot"]
    assert task.prices["m"].cached == Decimal("0.08")
    assert task.prices["machine"].per_hour == Decimal("0.4")
    assert task.constraints.max_monthly_cost == Decimal("99.9")
    assert task.columns.by_role() == {"input": "ticket"}
    assert (task.traffic.requests_per_day, task.traffic_is_assumed) == (7, False)
    assert build_task(task.to_config(), tmp_path) == task


def test_labels_are_the_text_in_the_file(tmp_path: Path) -> None:
    text = BASE.replace("[A, B]", "[NO, yes, 007, 1.10, true]")
    assert load_task(write(tmp_path, text)).output.labels == ("NO", "yes", "007", "1.10", "true")


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("smollm2-135m", "embedded", "smollm2-135m"),
        ("hf:org/name", "hf", "org/name"),
        ("openai:gpt-4.1-mini", "openai", "gpt-4.1-mini"),
        ("fake:echo?batch=2", "fake", "echo?batch=2"),
        ("groq:llama-3.3-70b", "groq", "llama-3.3-70b"),
    ],
)
def test_a_model_is_one_word(tmp_path: Path, model: str, provider: str, name: str) -> None:
    task = load_task(write(tmp_path, f"{BASE}model: '{model}'\n"))
    assert (task.model.provider, task.model.name) == (provider, name)


@pytest.mark.parametrize("name", endpoints())
def test_every_endpoint_known_by_name_resolves_to_the_openai_kind(name: str) -> None:
    given = {"provider": name, "name": "m"}
    if name == "azure":
        given["base_url"] = "https://mine.openai.azure.com/openai/v1"
    spec = ModelConfig.model_validate(given).to_spec()
    assert spec["provider"] == "openai"
    assert spec["name"] == "m"
    assert name == "openai" or spec["base_url"].startswith(("https://", "http://localhost:"))
    assert ModelSpec(**spec).max_in_flight in (None, 4)


def test_what_is_given_wins_over_an_endpoints_own() -> None:
    mine = {"provider": "groq", "name": "m", "api_key_env": "MINE", "max_in_flight": 3}
    spec = ModelConfig.model_validate(mine).to_spec()
    assert (spec["api_key_env"], spec["max_in_flight"]) == ("MINE", 3)
    assert spec["base_url"] == "https://api.groq.com/openai/v1"


MISTAKES = [
    ("strategeis: auto\n", "line 5: unknown key 'strategeis' (did you mean 'strategies'?)"),
    ("lables: [A]\n", "(did you mean 'output.labels'?)"),
    ("traffic: {request_per_day: 1}\n", "(did you mean 'requests_per_day'?)"),
    (
        "traffic: {requests_per_day: 0}\n",
        "line 5: traffic.requests_per_day must be more than 0, not 0",
    ),
    ("traffic: 5\n", "traffic must be a mapping of keys, not 5"),
    ("model: gpt\n", "line 5: model: unknown model 'gpt'; use one of: smollm2-135m"),
    ("model: smollm2-135\n", "(did you mean 'smollm2-135m'?)"),
    ("model: 'hf:'\n", "has no name after the colon"),
    ("model: opnai:x\n", "unknown provider 'opnai' (did you mean 'openai'?)"),
    ("model: {provider: openai}\n", "provider openai needs a name"),
    ("model: {provider: openai, name: x, base_url: localhost}\n", "must start with http://"),
    ("model: azure:mine\n", "provider azure needs your own base_url: https://RESOURCE"),
    ("model: grok:x\n", "unknown provider 'grok' (did you mean 'groq'?)"),
    ("model: {provider: openai, name: x, max_in_flight: 0}\n", "model.max_in_flight"),
    ("prices: {m: {per_hour: 1}}\n", "write the price of m as {input"),
    ("prices: {machine: {input: 1}}\n", "write the price of machine as {per_hour: …}"),
    (
        "prices: {machin: {per_hour: 1}}\n",
        "as {input: …, cached: …, output: …} (did you mean 'machine'?)",
    ),
    ("prices: {label: {input: 1}}\n", "write the price of label as 0.30, for one example"),
    ("prices: {m: 0.3}\n", "write the price of m as {input"),
    ("prices: {labels: 0.3}\n", "write the price of labels as {input: …, cached: …, output: …}"),
    ("prices: {labels: 0.3}\n", "did you mean 'label'"),
    ("traffic: {error_cost: 0}\n", "traffic.error_cost must be more than 0, not 0"),
    ("traffic: {error_cost: -1}\n", "traffic.error_cost must be more than 0, not -1"),
    (
        "traffic: {error_cost: 1e33}\n",
        "traffic.error_cost: 1e+33 is too much money: write at most 1,000,000,000,000",
    ),
    (
        "traffic: {error_cost: 1e-13}\n",
        "traffic.error_cost: 1e-13 is too little money: write 0, or at least 0.000000000001",
    ),
    ("prices: {label: 1e300}\n", "prices.label: 1e+300 is too much money"),
    ("prices: {hour: 1e13}\n", "prices.hour: 1e+13 is too much money"),
    ("prices: {machine: {per_hour: 1e300}}\n", "prices.machine.per_hour: 1e+300 is too much"),
    ("prices: {m: {input: 1e200, output: 1}}\n", "prices.m.input: 1e+200 is too much money"),
    ("prices: {m: {input: 1, output: 1e-200}}\n", "prices.m.output: 1e-200 is too little"),
    ("constraints: {max_monthly_cost: 1e40}\n", "max_monthly_cost: 1e+40 is too much money"),
    (
        "traffic: {growth_per_month: 1, horizon_days: 3000}\n",
        "growth of 1 a month ends at more than",
    ),
    ("traffic: {peak: 0.5}\n", "traffic.peak must be at least 1, not 0.5"),
    ("traffic: {growth_per_month: -1}\n", "traffic.growth_per_month must be more than -1, not -1"),
    ("traffic: {retrain_days: 0}\n", "traffic.retrain_days must be more than 0, not 0"),
    ("prices: {m: {input: 1, output: 1, shared: true}}\n", "shared for the machine, not both"),
    ("prices: {m: {rebuild: 100, input: 1, output: 1}}\n", "give ends, too"),
    ("prices: {hour: {input: 1, output: 1}}\n", "write the price of hour as 90, for an hour"),
    ("hours: {lora: 8}\n", "hours need a price: give prices: {hour: …}"),
    ("prices: {hour: 90}\nhours: {lorra: 8}\n", "(did you mean 'lora'?)"),
    ("prices: {hour: 90}\nhours: {lora: -1}\n", "hours.lora must be at least 0, not -1"),
    ("constraints: {margin: 1}\n", "constraints.margin must be below 1, not 1"),
    ("prices: {m: {}}\n", "no price given"),
    ("prices: {m: {input: -1}}\n", "prices.m.input must be at least 0, not -1"),
    (
        "constraints: {min_quality: true}\n",
        "line 5: constraints.min_quality must be a number, not true",
    ),
    (
        "traffic: {requests_per_day: yes}\n",
        "traffic.requests_per_day must be a whole number, not true",
    ),
    ("prices: {m: {input: false}}\n", "prices.m.input must be a number, not false"),
    ("constraints: {min_quality: 85}\n", "constraints.min_quality must be at most 1, not 85"),
    ("split: {train: 0.5, dev: 0.1, test: 0.1}\n", "add up to 0.7"),
    ("split: {dev: 0.5, test: 0.5}\n", "leave room for the other parts"),
    ("strategies: []\n", "the list is empty"),
    ("strategies: [{nme: lora}]\n", "line 5: unknown key 'nme' (did you mean 'name'?)"),
    (
        "strategies:\n- majority\n- name: few_shot\n  options:\n    ks: 3\n",
        "line 9: strategy few_shot: unknown option 'ks' (did you mean 'k'?); known: choose, ",
    ),
    (
        "strategies: {name: cascade, options: {first: {name: zero_shot, options: {scren: 1}}}}\n",
        "line 5: strategy cascade: first: strategy zero_shot: unknown option 'scren' (did you",
    ),
    ("strategies: few_shots\n", "line 5: unknown strategy 'few_shots' (did you mean 'few_shot'?)"),
    ("metric: acuracy\n", "line 5: unknown metric 'acuracy' (did you mean 'accuracy'?)"),
    ("rules: [be kind]\n", "rules belong to output.kind: text"),
    ("documents: nowhere\n", "line 5: documents: no folder or file"),
    ("name: again\n", "line 5: key 'name' is given twice"),
]


@pytest.mark.parametrize(("extra", "said"), MISTAKES, ids=[extra.strip() for extra, _ in MISTAKES])
def test_a_mistake_is_one_line_that_says_what_to_do(tmp_path: Path, extra: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_task(write(tmp_path, BASE + extra))
    assert said in str(caught.value)
    assert str(caught.value).startswith("task.yaml")
    assert "\n" not in str(caught.value)


RULES = [
    ("- {type: contains, wordz: [a]}", "rules[2] (contains): unknown option 'wordz' (did you"),
    ("- {type: contians}", "rules[2]: unknown type 'contians' (did you mean 'contains'?)"),
    ("- {words: [a]}", "rules[2]: a rule needs a type"),
    ("- {name: all, type: no_markdown}", "rules[2]: a rule cannot be called 'all'"),
    ("- {name: short, type: no_markdown}", "rules[2]: two rules are called 'short'; rename one"),
]


@pytest.mark.parametrize(("rule", "sentence"), RULES)
def test_a_mistake_in_a_rule_is_told_with_its_line(
    tmp_path: Path, rule: str, sentence: str
) -> None:
    text = BASE.replace("{kind: label, labels: [A, B]}", "{kind: text}")
    rules = f"rules:\n- {{name: short, type: words, max: 9}}\n{rule}\n"
    with pytest.raises(ConfigError) as caught:
        load_task(write(tmp_path, text + rules))
    assert str(caught.value).startswith(f"task.yaml line 7: {sentence}")


@pytest.mark.parametrize("rules", ["no_markdown", "[no_markdown]", "{type: no_markdown}"])
def test_a_single_rule_needs_no_list(tmp_path: Path, rules: str) -> None:
    text = BASE.replace("{kind: label, labels: [A, B]}", "{kind: text}")
    assert load_task(write(tmp_path, f"{text}rules: {rules}\n")).rules == ({"type": "no_markdown"},)


WHOLE_FILES = [
    ("", "not nothing (the file is empty)"),
    ("- a\n", "not a list"),
    ("a: [1\nb: 2\n", "line 2, column 2 is not valid YAML"),
    ("a:\n\t- 1\n", "is not valid YAML"),
    (
        b"instruction: caf\xe9\n",
        "is not UTF-8 (looks like another encoding): byte 0xe9 at offset 16",
    ),
    (BASE.encode("utf-16"), "looks like UTF-16"),
    (b"instruction: \x00\n", "is not valid YAML"),
    ("a: " + "[" * 3000, "nested too deeply"),
    (BASE.replace("Classify.", "'  '"), "line 2: instruction: it is empty"),
    (BASE.replace("instruction: Classify.\n", ""), "missing key 'instruction'"),
    (
        BASE.replace("kind: label", "kind: lable"),
        "'label', 'labels', 'json' or 'text', not 'lable'",
    ),
    (BASE.replace("[A, B]", "[A, A]"), "line 3: output.labels: label 'A' is listed twice"),
    (BASE.replace("[A, B]", "[A, a]"), "differ only by case"),
    (BASE.replace("[A, B]", "[A, '']"), "a label is empty"),
    (BASE.replace("[A, B]", "[A]"), "nothing to choose from"),
    (BASE.replace("[A, B]", "['A, B ,C']"), "one text, 'A, B ,C': write them as [A, B, C]"),
    (BASE.replace("kind: label", "kind: text"), "labels belong to kind: label"),
    (BASE.replace("e.jsonl", "ee.jsonl"), "(did you mean 'e.jsonl'?)"),
    (BASE.replace("e.jsonl", "{train: e.jsonl}"), "both train and test files"),
    (BASE.replace("e.jsonl", "{train: e.jsonl, tset: e.jsonl}"), "(did you mean 'test'?)"),
]


@pytest.mark.parametrize(("text", "said"), WHOLE_FILES, ids=[said for _, said in WHOLE_FILES])
def test_a_broken_file_is_one_line_too(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_task(write(tmp_path, text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_task_says_how_to_start_one(tmp_path: Path) -> None:
    write(tmp_path / "tickets", BASE)
    with pytest.raises(ConfigError, match="did you mean 'tickets'"):
        load_task(tmp_path / "ticket")
    with pytest.raises(ConfigError, match="steelyard init"):
        load_task(tmp_path)


def test_a_key_is_never_repeated_to_the_user(tmp_path: Path) -> None:
    for line in ("api_key: sk-secret", "api_key_env: sk-secret"):
        with pytest.raises(ConfigError) as caught:
            load_task(write(tmp_path, f"{BASE}model: {{provider: openai, name: x, {line}}}\n"))
        assert "sk-secret" not in str(caught.value)
        assert "api_key_env" in str(caught.value)


def test_the_fingerprint_follows_configuration_and_examples_not_the_place(tmp_path: Path) -> None:
    first = load_task(write(tmp_path / "a", BASE)).fingerprint
    (tmp_path / "a" / "model").mkdir()
    with_model = write(tmp_path / "a", f"{BASE}model: hf:./model\n")
    local = load_task(with_model)
    assert local.model.name == str((tmp_path / "a" / "model").resolve())
    shutil.copytree(tmp_path / "a", tmp_path / "moved")
    assert load_task(tmp_path / "moved").fingerprint == local.fingerprint
    assert load_task(write(tmp_path / "b", BASE)).fingerprint == first
    defaults = f"{BASE}metric: accuracy\nstrategies: auto\n"
    assert load_task(write(tmp_path / "c", defaults)).fingerprint == first
    changed = load_task(write(tmp_path / "d", BASE, '{"input": "y", "output": "A"}\n')).fingerprint
    other = load_task(write(tmp_path / "e", BASE.replace("Classify.", "Sort."))).fingerprint
    assert len({first, local.fingerprint, changed, other}) == 4


def test_updated_checks_again_and_leaves_the_task_alone(tmp_path: Path) -> None:
    task = load_task(write(tmp_path, BASE))
    assert task.updated(model="fake:echo").model.provider == "fake"
    assert task.model.provider == "embedded"
    with pytest.raises(ConfigError, match="unknown key 'modle'"):
        task.updated(modle="fake:echo")


def test_labels_found_later_fill_an_empty_list_only(tmp_path: Path) -> None:
    declared = load_task(write(tmp_path, BASE))
    assert with_labels(declared, ("X", "Y")) is declared
    open_task = load_task(write(tmp_path, BASE.replace(", labels: [A, B]", "")))
    filled = with_labels(open_task, ("X", "Y"))
    assert filled.output.labels == ("X", "Y")
    assert open_task.output.labels == ()
    assert filled.fingerprint == open_task.fingerprint
    assert filled.folder == open_task.folder


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{itmes: 3}", "unknown key 'itmes' (did you mean 'items'?); known: items, repeats, "),
        ("{repeats: 0}", "line 5: consistency.repeats must be at least 2, not 0"),
        ("true", "line 5: consistency: it takes keys such as {repeats: 3}, or false, not true"),
        ("3", "line 5: consistency: it takes keys such as {repeats: 3}, or false, not 3"),
    ],
)
def test_a_mistake_in_consistency_is_told_once(given: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_task(write(tmp_path, f"{BASE}consistency: {given}\n"))
    text = str(caught.value)
    assert said in text
    assert "problems" not in text and "ConsistencyConfig" not in text and "literal" not in text


def test_consistency_may_be_off(tmp_path: Path) -> None:
    off = load_task(write(tmp_path, f"{BASE}consistency: false\n"))
    assert off.consistency is False
    assert off.updated(name="other").consistency is False


def test_a_missing_file_is_likened_to_close_names_only(tmp_path: Path) -> None:
    for name, is_close in (("replies.jsonl", False), ("example.jsonl", True)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "examples.jsonl").write_text("")
        (folder / "task.yaml").write_text(BASE.replace("e.jsonl", name))
        with pytest.raises(ConfigError) as caught:
            load_task(folder)
        assert ("did you mean 'examples.jsonl'" in str(caught.value)) == is_close


def test_a_file_of_examples_is_no_task_and_leads_to_one(tmp_path: Path) -> None:
    (tmp_path / "my rows.csv").write_text("text,label\n")
    with pytest.raises(
        ConfigError, match=r"my rows\.csv holds examples and is no task: "
    ) as caught:
        load_task(tmp_path / "my rows.csv")
    assert f"steelyard init DIR --from '{tmp_path}/my rows.csv' makes one" in str(caught.value)
