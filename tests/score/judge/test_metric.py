from __future__ import annotations

from typing import Any

import pytest

from steelyard.core import Completion, Request
from steelyard.errors import ConfigError, CredentialError
from steelyard.model.base import ModelSpec
from steelyard.model.fake_script import ScriptedModel
from steelyard.score import build_metric
from steelyard.score.judge import Judge
from tests.score.judge.scripts import SPEC, example, fences, judge, outside, preferring
from tests.score.tasks import task_with

LONGER = preferring(len)


def test_win_tie_and_loss_against_the_reference() -> None:
    metric = judge(LONGER)
    examples = [example(name) for name in ("long", "short", "even", "same", "failed")]
    outputs = ["a reply that is longer", "short", "12 letters12", "a fair reply", None]
    grades = metric.grade_all(examples, outputs)
    assert [grade.score for grade in grades] == [1.0, 0.0, 0.5, 0.5, 0.0]
    assert grades[0].parts == {"win": 1, "tie": 0, "loss": 0, "flipped": 0, "failed": 0}
    assert grades[3].parts["tie"] == 1
    assert grades[4].parts == {}


def test_all_replies_are_asked_in_one_call_and_the_plain_ones_not_at_all() -> None:
    model = ScriptedModel(LONGER)
    metric = judge(model)
    examples = [example(str(number)) for number in range(6)]
    metric.grade_all(examples, ["longer than the reference", "x", "y", "z", None, "a fair reply "])
    assert model.calls == 1
    assert len(model.requests) == 4 * 2
    assert {request.choices for request in model.requests} == {("A", "B", "TIE")}
    metric.grade_all(examples[:1], [None])
    assert model.calls == 1


def test_a_judge_that_likes_a_place_is_a_tie_and_shows() -> None:
    metric = judge(lambda request: "A")
    [judgement] = metric.judge_all([example("x")], ["some other reply"])
    assert judgement is not None
    assert (judgement.score, judgement.outcome, judgement.flipped) == (0.5, "tie", True)


def test_a_win_in_one_order_and_a_tie_in_the_other_is_worth_three_quarters() -> None:
    def script(request: Request) -> str:
        return "A" if fences(request)["REPLY A"] == "mine" else "TIE"

    [judgement] = judge(script).judge_all([example("x")], ["mine"])
    assert judgement is not None
    assert (judgement.score, judgement.outcome, judgement.flipped) == (0.75, "win", False)


def test_votes_are_drawn_with_seeds_of_their_own_and_averaged() -> None:
    def script(request: Request) -> str:
        ours = "A" if fences(request)["REPLY A"] == "mine" else "B"
        return ours if request.seed in kept else "TIE"

    kept: set[int | None] = set()
    model = ScriptedModel(script, local=False)
    metric = judge(model, votes=3)
    metric.judge_all([example("x")], ["mine"])
    assert model.calls == 1
    assert len({request.seed for request in model.requests}) == len(model.requests) == 6
    assert {request.temperature for request in model.requests} == {0.7}
    seeds = [request.seed for request in model.requests]
    kept |= {seeds[0], seeds[1], seeds[3]}  # two wins of three in one order, one in the other
    [judgement] = metric.judge_all([example("x")], ["mine"])
    assert judgement is not None
    assert judgement.score == pytest.approx((5 / 6 + 4 / 6) / 2)
    assert judgement.outcome == "win"
    assert [request.seed for request in model.requests[6:]] == seeds


def test_where_probabilities_are_told_votes_are_not_drawn() -> None:
    def script(request: Request) -> Completion:
        ours = "A" if fences(request)["REPLY A"] == "mine" else "B"
        theirs = "B" if ours == "A" else "A"
        shares = {ours: 0.5, "TIE": 0.3, theirs: 0.2}
        return Completion(ours, "choice", probabilities=shares)

    model = ScriptedModel(script)
    metric = judge(model, votes=5, temperature=1)
    [judgement] = metric.judge_all([example("x")], ["mine"])
    assert len(model.requests) == 2
    assert judgement is not None
    assert judgement.score == pytest.approx(0.65)
    [sharper] = judge(model, votes=5, temperature=0.5).judge_all([example("x")], ["mine"])
    assert sharper is not None
    assert sharper.score == pytest.approx((0.25 + 0.5 * 0.09) / (0.25 + 0.09 + 0.04))
    [single] = judge(model).judge_all([example("x")], ["mine"])
    assert single is not None
    assert single.score == 1.0


@pytest.mark.parametrize(("mark", "score"), [("1", 0.0), ("4", 0.75), ("5", 1.0)])
def test_marks_fill_the_scale(mark: str, score: float) -> None:
    metric = judge(lambda request: mark, mode="rate")
    [grade] = metric.grade_all([example("x")], ["reply"])
    assert grade.score == pytest.approx(score)
    assert grade.parts == {"failed": 0.0}


def test_marks_are_expected_where_probabilities_are_told_and_else_the_mean_of_votes() -> None:
    shares = {"1": 0.0, "2": 0.0, "3": 0.5, "4": 0.25, "5": 0.25}
    told = judge(lambda request: Completion("3", "choice", probabilities=shares), mode="rate")
    [judgement] = told.judge_all([example("x")], ["reply"])
    assert judgement is not None
    assert judgement.mark == pytest.approx(3.75)
    drawn = iter("355")
    voted = judge(lambda request: next(drawn), mode="rate", votes=3)
    [judgement] = voted.judge_all([example("x")], ["reply"])
    assert judgement is not None
    assert judgement.mark == pytest.approx(13 / 3)


def test_an_unreadable_judgement_is_asked_once_more_in_free_text() -> None:
    def script(request: Request) -> str:
        return "hard to say" if request.choices else "I would say: Verdict: TIE"

    model = ScriptedModel(script)
    [judgement] = judge(model).judge_all([example("x")], ["reply"])
    assert judgement is not None
    assert (judgement.failed, judgement.outcome) == (False, "tie")
    first, again = model.requests[0], model.requests[2]
    assert outside(again).endswith("Answer with one word and nothing else: A, B or TIE.")
    assert (again.choices, again.nonce) == ((), "again")
    assert again.messages[-1].content.startswith(first.messages[-1].content)


@pytest.mark.parametrize("mode", ["compare", "rate"])
def test_a_failed_judgement_is_neutral_counted_and_told(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = ScriptedModel(lambda request: "hard to say")
    [grade] = judge(model, mode=mode).grade_all([example("x")], ["reply"])
    assert grade.score == 0.5
    assert grade.parts == {"failed": 1.0}
    votes = 2 if mode == "compare" else 1
    assert len(model.requests) == 2 * votes
    assert f"of {votes}, the last one with: the answer 'hard to say'" in caplog.text


def test_what_the_endpoint_never_answered_is_a_failed_judgement() -> None:
    def script(request: Request) -> Completion:
        return Completion("", "error", failure="HTTP 500: down")

    [judgement] = judge(script).judge_all([example("x")], ["reply"])
    assert judgement is not None and judgement.failed


def test_a_reasoning_judge_answers_in_free_text() -> None:
    model = ScriptedModel(lambda request: "Reply A says when. Reply B does not.\nVerdict: A")
    [judgement] = judge(model, reasoning=True).judge_all([example("x")], ["reply"])
    assert judgement is not None and judgement.flipped
    assert model.requests[0].choices == ()
    assert "end with a line" in outside(model.requests[0])


def test_the_same_judgement_is_the_same_request_whatever_was_asked_before() -> None:
    requests = []
    for before in ([], [example("other")]):
        model = ScriptedModel(LONGER)
        metric = judge(model, votes=2)
        metric.grade_all(before, ["another reply"] * len(before))
        metric.grade_all([example("x")], ["reply"])
        requests.append(model.requests[-4:])
    assert requests[0] == requests[1]


def test_an_example_without_a_reference_cannot_be_compared_but_rated() -> None:
    bare = [example("e7", " ", source="rows.jsonl:7")]
    with pytest.raises(ConfigError, match=r"'e7' \(rows.jsonl:7\).*judge: \{mode: rate\}"):
        judge(LONGER).grade_all(bare, ["reply"])
    assert judge(lambda request: "5", mode="rate").grade_all(bare, ["reply"])[0].score == 1


def test_single_answers_can_be_graded() -> None:
    metric = judge(LONGER)
    assert metric.grade(example("x"), "a reply that is longer").score == 1
    assert metric.score("a much longer reply", "short one") == 1
    assert metric.score(None, "short one") == 0


def build(**section: Any) -> Judge:
    metric = build_metric("judge", task=task_with(judge=section, model="fake:smart"))
    assert isinstance(metric, Judge)
    return metric


def test_the_judges_model_takes_any_form_and_defaults_to_the_tasks() -> None:
    assert build().options.spec == SPEC
    assert build().notes and "prefer their own wording" in build().notes[0]
    assert build(model="fake:echo").options.spec == ModelSpec("fake", "echo")
    assert build(model="fake:echo").notes == ()
    groq = build(model="groq:big").options.spec
    assert groq is not None
    assert (groq.provider, groq.name, groq.api_key_env) == ("openai", "big", "GROQ_API_KEY")
    own = {"provider": "openai", "name": "j", "base_url": "http://localhost:1/v1"}
    assert build(model=own).options.spec == ModelSpec("openai", "j", "http://localhost:1/v1")


def test_a_folder_beside_the_task_is_found(tmp_path: Any) -> None:
    (tmp_path / "weights").mkdir()
    spec = Judge(None, task_with(tmp_path, judge={"model": "hf:weights"})).options.spec
    assert spec is not None and spec.name == str(tmp_path / "weights")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"model": "opnai:gpt"}, "judge.model: .*unknown provider 'opnai' .did you mean 'openai'"),
        ({"mode": "rank"}, "mode"),
        ({"votes": 3, "temperature": 0}, "every vote is the same"),
        ({"scale": 1}, "scale"),
        ({"ratings": "mine.jsonl"}, "judge.ratings: no file"),
        ({"rubrik": "x"}, "unknown key 'rubrik' .did you mean 'rubric'"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        build(**section)
    assert "\n" not in str(caught.value)


def test_options_of_the_metric_come_before_the_section() -> None:
    task = task_with(judge={"mode": "compare", "votes": 3})
    metric = build_metric("judge", {"mode": "rate", "scale": 10}, task)
    assert isinstance(metric, Judge)
    assert (metric.options.mode, metric.options.scale, metric.options.votes) == ("rate", 10, 3)
    assert len(metric.options.choices) == 10
    assert metric.options.requests_per_reply == 3


def test_a_judge_without_a_model_says_what_to_do() -> None:
    bare = build_metric("judge")
    with pytest.raises(ConfigError, match=r"name one under judge.model"):
        bare.connect(lambda spec: ScriptedModel(LONGER))
    with pytest.raises(ConfigError, match="no model yet"):
        build().grade(example("x"), "reply")


def test_a_missing_key_is_found_before_anything_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with pytest.raises(CredentialError, match="GROQ_API_KEY"):
        build(model="groq:big").connect(lambda spec: ScriptedModel(LONGER))


def test_the_fingerprint_is_of_what_decides_a_judgement(tmp_path: Any) -> None:
    (tmp_path / "mine.jsonl").write_text("")
    same = [build(), build(), build(ratings=str(tmp_path / "mine.jsonl"))]
    assert len({metric.fingerprint for metric in same}) == 1
    others = [build(rubric="x"), build(mode="rate"), build(votes=3), build(model="fake:echo")]
    assert len({metric.fingerprint for metric in [build(), *others]}) == 5


def test_any_of_the_models_that_are_weighed_prefers_its_own_wording() -> None:
    echo = {"provider": "fake", "name": "echo", "max_in_flight": 2}
    for name, is_own in (("echo", True), ("smart", True), ("flaky", False)):
        task = task_with(judge={"model": f"fake:{name}"}, model=["fake:smart", echo])
        assert Judge(None, task).options.is_own is is_own
