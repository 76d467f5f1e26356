"""A run of a task with documents: the arms that read them, and the ceiling that is no choice."""

from __future__ import annotations

import json
import re
import shutil
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

import steelyard
from steelyard.cli import main
from steelyard.core import Question
from steelyard.errors import ConfigError
from steelyard.planning.options import RunOptions
from steelyard.planning.plan import make_plan
from steelyard.result import read_result
from steelyard.result.documents import BINS
from steelyard.strategy import encoding
from steelyard.strategy.saved import load
from steelyard.task.sections import ConsistencyConfig
from steelyard.weigh.consistency import CEILING, measure_consistency
from tests.model.endpoint import Reply, serving, stream
from tests.strategy.documents_task import PUMPS, write_documents_task

SYLLABLES = "bal dor fin gru hel jas kom lur mip nox pet qua rus sev tiv wol".split()
RAG: dict[str, Any] = {
    "name": "rag",
    "options": {"passage_tokens": [40], "overlap": 0, "k": [1, 2]},
}


@pytest.fixture(autouse=True)
def _no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "open_encoder", lambda: None)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pumps")
    task = write_documents_task(folder / "task", strategies=["zero_shot", RAG, "rag_oracle"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "open_encoder", lambda: None)
        steelyard.run(task, folder / "out")
    return folder / "out"


def result_of(folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return result


def test_documents_are_read_and_the_oracle_is_measured_but_no_choice(finished: Path) -> None:
    result = result_of(finished)
    arms = {arm["name"]: arm for arm in result["arms"]}
    assert {"zero_shot", "rag", "rag_oracle"} <= set(arms)
    assert arms["rag"]["family"] == arms["rag_oracle"]["family"] == "retrieval"
    assert arms["rag_oracle"]["quality"]["value"] is not None
    assert arms["rag_oracle"]["cost"]["per_request"] is not None
    details = result["verdict"]["details"]
    assert "rag_oracle" not in {*details["chances"], *details["cost_to_own"]}
    pairs = {name for one in result["comparisons"] for name in (one["a"], one["b"])}
    assert "rag" in pairs and "rag_oracle" not in pairs


def test_arms_with_documents_are_binned_and_the_verdict_says_what_to_mend(finished: Path) -> None:
    result = result_of(finished)
    arms = {arm["name"]: arm for arm in result["arms"]}
    bins, documents = arms["rag"]["bins"], result["documents"]
    wrong = sum(count for name, count in bins.items() if name in BINS)
    assert wrong == bins["n"] == result["split"]["test"], "the fake model reads no passage"
    assert bins["model"] == bins["not_read"] > 0, "the oracle is wrong too"
    assert arms["rag"]["retrieval"]["recall_at_1"]["value"] > 0.9
    assert arms["rag_oracle"]["is_ceiling"] and "is_ceiling" not in arms["rag"]
    assert arms["rag_oracle"]["bins"]["split_reason"] == "it is the ceiling itself"
    assert "bins" not in arms["zero_shot"]
    assert (documents["arm"], documents["mend"]) == ("rag", "model")
    assert documents["sentence"] in result["verdict"]["reasons"][:3]
    assert 0 < len(documents["cases"]) <= 30


def test_a_ceiling_is_not_asked_in_other_words(finished: Path) -> None:
    oracle: Any = load(finished / "arms" / "rag_oracle")
    steps: Any = SimpleNamespace(plan=SimpleNamespace(split=SimpleNamespace(test=("an example",))))
    config = ConsistencyConfig()
    assert measure_consistency(steps, oracle, (), config) == (None, CEILING)


def test_an_arm_says_how_its_passages_are_found(finished: Path) -> None:
    options = next(arm for arm in result_of(finished)["arms"] if arm["name"] == "rag")["options"]
    finding = options["search"]["finding"]["40"]
    assert options["finder"] == finding["chosen"] == "bm25"
    assert finding["by"] == "evidence" and finding["questions"] > 0
    assert finding["table"][0]["recall_at_1"] > 0.9, "every page names its pump"
    assert options["passages"] == finding["passages"]


def test_a_saved_arm_answers_from_its_own_passages(finished: Path) -> None:
    arm: Any = load(finished / "arms" / "rag")
    question = Question("What pressure does pump P7 hold?")
    [[hit, *_]] = arm.prompt.grounding.hits([question])
    assert hit.passage.span.document == "P7.md" and "3.7 bar" in hit.passage.text
    [asked] = arm.prompt.grounding.asked([question])
    assert "3.7 bar" in asked.input and asked.input.endswith(question.input)


def test_an_index_in_lancedb_answers_as_one_in_files(finished: Path, tmp_path: Path) -> None:
    pytest.importorskip("lancedb")
    way = {**RAG, "options": {**RAG["options"], "store": "lance"}}
    task = write_documents_task(tmp_path / "task", strategies=[way])
    steelyard.run(task, tmp_path / "out")
    question = Question("How many bar for P4?")
    first, second = (load(folder / "arms" / "rag") for folder in (finished, tmp_path / "out"))
    assert second.prompt.grounding.finder.name == "lance"
    assert second.prompt.grounding.asked([question]) == first.prompt.grounding.asked([question])


def vectors(request: dict[str, Any], _: int) -> Reply:
    """A vector for each text, by which letters it has: as the embedding endpoint of OpenAI answers."""
    rows = [
        {"index": place, "embedding": [1.0, *(float(text.count(one)) for one in "0123456789")]}
        for place, text in enumerate(request["input"])
    ]
    usage = {"prompt_tokens": sum(map(len, request["input"])), "total_tokens": 0}
    body = {"object": "list", "model": request["model"], "data": rows, "usage": usage}
    return Reply(200, json.dumps(body), "application/json")


def test_an_endpoint_that_encodes_is_paid_in_the_sums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEELYARD_VECTOR_CACHE", "off")
    with serving(vectors) as endpoint:
        encoder = {"provider": "openai", "name": "small", "base_url": endpoint.base_url}
        way = {**RAG, "options": {**RAG["options"], "encoder": encoder}}
        prices = {"small": {"input": 1000}}
        task = write_documents_task(tmp_path / "task", strategies=[way], prices=prices)
        with pytest.raises(ConfigError, match="--max-cost cannot stop"):
            steelyard.run(task, tmp_path / "capped", max_cost=Decimal(5))
        steelyard.run(task, tmp_path / "out")
    arm = next(one for one in result_of(tmp_path / "out")["arms"] if one["name"] == "rag")
    texts = [text for request in endpoint.requests for text in request["input"]]
    assert len(set(texts)) > len(PUMPS), "passages and questions"
    assert arm["fit"]["cost"] > sum(len(text) for text in texts[: len(PUMPS)]) / 1000
    plain = json.loads((tmp_path / "out" / "arms" / "rag" / "arm.json").read_text())
    assert sum(plain["options"]["embedded"].values()) > 0


@pytest.mark.parametrize("encoder", ["smollm2", "embedded:smollm2-135m", 7, ""])
def test_an_encoder_is_local_none_or_an_endpoint(encoder: Any, tmp_path: Path) -> None:
    way = {**RAG, "options": {"encoder": encoder}}
    task = write_documents_task(tmp_path / "task", strategies=[way])
    with pytest.raises(ConfigError, match="option encoder"):
        steelyard.run(task, tmp_path / "out")


def test_a_store_is_files_lance_or_an_address(tmp_path: Path) -> None:
    way = {**RAG, "options": {"store": "lanse"}}
    task = write_documents_task(tmp_path / "task", strategies=[way])
    with pytest.raises(ConfigError, match="write files, lance, or the address"):
        steelyard.run(task, tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"language": "klingon"}, "unknown language 'klingon'"),
        ({"passage_tokens": [30], "overlap": 60}, "overlap 60 must be below passage_tokens, 30"),
        ({"passage_tokens": [400], "max_prompt_tokens": 300}, "cannot hold 1 passage of 400"),
    ],
)
def test_options_that_cannot_be_kept_are_refused_at_once(
    options: dict[str, Any], why: str, tmp_path: Path
) -> None:
    way = {"name": "rag", "options": options}
    task = write_documents_task(tmp_path / "task", strategies=[way])
    with pytest.raises(ConfigError, match=why):
        steelyard.run(task, tmp_path / "out")


@pytest.mark.parametrize("role", ["first", "then"])
def test_a_ceiling_is_no_stage_of_a_cascade(role: str, tmp_path: Path) -> None:
    parts = {"first": "self_consistency", "then": "rag", role: "rag_oracle"}
    task = write_documents_task(
        tmp_path / "task", strategies=[{"name": "cascade", "options": parts}]
    )
    with pytest.raises(ConfigError, match=f"{role}: rag_oracle is shown what no arm in use"):
        steelyard.run(task, tmp_path / "out")


def with_rows(task: Path, change: Any) -> Path:
    """Change every row of a task's examples."""
    path = task / "examples.jsonl"
    rows = [change(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return task


def test_evidence_that_stands_nowhere_is_told_before_a_run(tmp_path: Path) -> None:
    def spoil(row: dict[str, Any]) -> dict[str, Any]:
        is_p1 = "P1 holds" in row.get("evidence", "")
        return {**row, "evidence": "Pump P1 hodls 3.1 bar."} if is_p1 else row

    task = with_rows(write_documents_task(tmp_path / "task", strategies=[RAG]), spoil)
    notes = make_plan(task, RunOptions()).notes
    assert any("the evidence of 5 examples stands in no document" in note for note in notes)


def test_evidence_with_another_text_than_its_place_is_refused(tmp_path: Path) -> None:
    span = {"document": "docs/P1.md", "start": 0, "end": 4, "text": "Pump P1 holds 3.1 bar."}

    def shifted(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "evidence": span} if "P1 holds" in row.get("evidence", "") else row

    task = with_rows(write_documents_task(tmp_path / "task", strategies=[RAG]), shifted)
    with pytest.raises(steelyard.DataError, match="its evidence is not at its place"):
        make_plan(task, RunOptions())


def test_a_run_and_copies_of_the_examples_are_no_documents(tmp_path: Path) -> None:
    task = write_documents_task(tmp_path / "task", strategies=[RAG], documents=".")
    (task / "old" / "arms").mkdir(parents=True)
    (task / "old" / "run.lock").touch()
    (task / "old" / "report.html").write_text("<p>Pump P1 holds 9.9 bar.</p>", encoding="utf-8")
    shutil.copy(task / "examples.jsonl", task / "docs" / "faq.jsonl")
    grounds = make_plan(task, RunOptions()).grounds
    assert grounds is not None
    assert {document.name for document in grounds.corpus.documents} == {
        f"docs/{pump}.md" for pump in PUMPS
    }
    reasons = {one.name: one.reason for one in grounds.corpus.of_state("skipped")}
    assert "a run of Steelyard" in reasons["old"]
    assert "a copy of a file of the task" in reasons["docs/faq.jsonl"]


@pytest.mark.parametrize("name", ["rag", "rag_oracle", "long_context"])
def test_without_documents_there_is_nothing_to_read(name: str, tmp_path: Path) -> None:
    task = write_documents_task(tmp_path / "task", strategies=[name], documents=None)
    with pytest.raises(ConfigError, match="names no documents"):
        steelyard.run(task, tmp_path / "out")


def test_documents_of_which_none_can_be_read_stop_the_run(tmp_path: Path) -> None:
    task = write_documents_task(tmp_path / "task", strategies=["rag"], documents="empty")
    (tmp_path / "task" / "empty").mkdir()
    (tmp_path / "task" / "empty" / "scan.pdf").write_bytes(b"no PDF")
    with pytest.raises(steelyard.SteelyardError, match=r"scan\.pdf"):
        steelyard.run(task, tmp_path / "out")


def test_ask_shows_the_passages_that_an_answer_cites(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arm = str(finished / "arms" / "rag")
    assert main(["ask", arm, "What pressure does pump P3 hold?", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["arm"] == "rag" and "[" not in facts["output"]
    assert [one["number"] for one in facts["sources"]] == [*range(1, len(facts["sources"]) + 1)]
    source = facts["sources"][0]
    text = (finished.parent / "task" / "docs" / source["document"]).read_text()
    assert 0 <= source["start"] < source["end"] <= len(text)
    assert main(["ask", arm, "What pressure does pump P3 hold?"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(facts["output"]) and source["document"] in shown
    assert main(["ask", str(finished / "arms" / "zero_shot"), "What?"]) == 0
    assert "prompt" not in capsys.readouterr().out


def test_a_run_keeps_its_files_so_that_another_says_what_is_new(
    finished: Path, tmp_path: Path
) -> None:
    task = write_documents_task(tmp_path / "task", strategies=["zero_shot", "rag"])
    (task / "docs" / "new.md").write_text("# New\n\nPump P99 holds 9 bar.\n")
    other = steelyard.run(task, tmp_path / "out").folder
    change = steelyard.compare(finished, other).documents
    assert change is not None and change.reason is None
    assert (change.added_files, change.removed, change.changed) == (("new.md",), 0, 0)
    assert "rag" in change.arms
    audit = read_result(other).audit.documents
    assert audit is not None and audit.fingerprint == change.now


def test_the_report_shows_what_was_read_and_what_was_not(tmp_path: Path) -> None:
    task = write_documents_task(tmp_path / "task", strategies=["zero_shot"])
    (task / "docs" / "<b>x.zip").write_bytes(b"PK")
    (task / "docs" / "h.md").write_text(
        "Pump P77 is old.<span hidden>SECRET</span> It holds 7 bar.\n"
    )
    page = (steelyard.run(task, tmp_path / "out").folder / "report.html").read_text()
    section = page[
        page.index('id="documents"') : page.index("</section>", page.index('id="documents"'))
    ]
    assert "13 documents of" in section and "13 read, 1 skipped, 0 refused" in section
    assert "an archive" in section and "<b>x" not in section
    assert "Hidden from readers: 1 text" in section and "h.md" in section
    assert "SECRET" not in section


def labelled(folder: Path, strategies: Any) -> Path:
    """The same documents, asked which of two ways a pump is driven."""
    task = write_documents_task(
        folder, strategies=strategies, output={"kind": "label"}, metric="accuracy"
    )
    return with_rows(
        task,
        lambda row: {**row, "output": ("HAND", "MOTOR")[len(row["input"]) % 2], "answerable": True},
    )


def in_json(folder: Path, strategies: Any) -> Path:
    """The same documents, asked for a pump's pressure as JSON."""
    schema = {
        "type": "object",
        "properties": {"bar": {"type": "array", "items": {"type": "number"}}},
        "required": ["bar"],
    }
    task = write_documents_task(
        folder,
        strategies=strategies,
        output={"kind": "json", "schema": schema},
        metric="json_match",
    )

    def row_of(row: dict[str, Any]) -> dict[str, Any]:
        numbers = [float(row["output"].split()[0])] if row.get("evidence") else []
        return {**row, "output": {"bar": numbers}, "answerable": True}

    return with_rows(task, row_of)


@pytest.mark.parametrize("strategies", [["zero_shot", RAG, "rag_oracle"], "auto"])
@pytest.mark.parametrize("write", [labelled, in_json])
def test_a_ceiling_with_a_constrained_twin_is_measured_and_in_no_pair(
    write: Any, strategies: Any, tmp_path: Path
) -> None:
    steelyard.run(write(tmp_path / "task", strategies), tmp_path / "out")
    result = result_of(tmp_path / "out")
    ceilings = {arm["name"] for arm in result["arms"] if arm.get("is_ceiling")}
    assert {"rag_oracle", "rag_oracle_free"} <= ceilings
    priced = {price["strategy"] for price in result["constraint"]}
    assert "rag" in priced and "rag_oracle" not in priced
    pairs = [*result["comparisons"], *result["differences"]["pairs"]]
    assert pairs and not ceilings & {name for one in pairs for name in (one["a"], one["b"])}
    stopped = result.get("stopped", [])
    assert not ceilings & {name for one in stopped for name in (one["arm"], one["rival"])}
    rag = next(arm for arm in result["arms"] if arm["name"] == "rag")
    assert rag["options"]["cites"] is False, "a label or JSON has no room for a citation"


def test_no_arm_loses_the_race_to_a_ceiling(tmp_path: Path) -> None:
    words = [f"{first}{second}" for first in SYLLABLES for second in SYLLABLES][:240]
    docs = tmp_path / "task" / "docs"
    docs.mkdir(parents=True)
    rows = []
    for place, word in enumerate(words):
        fact = f"The {word} holds {place} bar."
        (docs / f"{word}.md").write_text(fact, encoding="utf-8")
        rows.append({"input": f"{word} hold?", "output": f"{place} bar", "evidence": fact})
    (tmp_path / "task" / "examples.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    options = {"formats": ["system_user"], "shots": [0]}
    way = {**options, "passage_tokens": [40], "overlap": 0, "k": [3], "cites": [False]}

    def answer(request: dict[str, Any], _: int) -> Reply:
        """Right below one passage, wrong below several."""
        prompt = request["messages"][-1]["content"]
        alone = re.search(r"holds (\d+ bar)", prompt)
        return stream(alone[1] if alone and "[2]" not in prompt else "nothing")

    with serving(answer) as endpoint:
        task = {
            "name": "race",
            "instruction": "Answer.",
            "output": {"kind": "text"},
            "examples": "examples.jsonl",
            "documents": "docs",
            "metric": "exact_match",
            "model": {"provider": "openai", "name": "m", "base_url": endpoint.base_url},
            "prices": {"m": {"input": 1, "output": 1}},
            "consistency": False,
            "strategies": [
                {"name": "rag", "options": {**way, "encoder": "none"}},
                {"name": "rag_oracle", "options": options},
            ],
        }
        (tmp_path / "task" / "task.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
        steelyard.run(tmp_path / "task", tmp_path / "out")
    result = result_of(tmp_path / "out")
    arms = {arm["name"]: arm["quality"]["value"] for arm in result["arms"]}
    assert arms["rag_oracle"] > 0.9 and arms["rag"] < 0.1, "as dev showed, too"
    assert result.get("stopped", []) == []


@pytest.mark.parametrize("write", [labelled, in_json])
def test_a_label_or_json_is_never_asked_to_cite(write: Any, tmp_path: Path) -> None:
    way = {"name": "rag", "options": {**RAG["options"], "cites": [True, False]}}
    with pytest.raises(ConfigError, match="cites: true needs output kind text"):
        steelyard.run(write(tmp_path / "task", [way]), tmp_path / "out")
    asked = {"name": "rag", "options": {**RAG["options"], "cites": [False]}}
    assert make_plan(write(tmp_path / "more", [asked]), RunOptions()).jobs
