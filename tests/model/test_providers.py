"""What is known of a kind of model is said once, and a new kind is one record under a name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.families import PROVIDERS
from steelyard.model import Model, ModelProvider, ModelSpec, load_model, provider_of
from steelyard.model.base import PaidModel
from steelyard.model.fake import FakeModel
from steelyard.strategy.saved import load
from tests.tickets import arms_of, write_task


class ToyModel(FakeModel):
    """A provider that brings no more than it must; ``greet`` is one of its two models."""

    @property
    def name(self) -> str:
        return "toy"


@pytest.fixture
def toy() -> Iterator[ModelProvider]:
    provider = ModelProvider(
        load=lambda spec: ToyModel(),
        form="toy:NAME",
        about="made in a test",
        names=("greet", "part"),
        has_probabilities=False,
        has_simulated_time=True,
    )
    PROVIDERS.register("toy", provider)
    yield provider
    PROVIDERS.remove("toy")


def test_a_provider_of_a_test_is_planned_run_priced_and_asked(
    toy: ModelProvider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = "prices: {greet: {input: 3, output: 5}}\n"
    task = write_task(tmp_path / "task", model="toy:greet", rows=60, extra=prices)
    assert main(["plan", str(task), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["models"][0]["price"]["input"] == "3"
    assert plan["strategies"][-1]["cost"] > 0
    assert main(["run", str(task), "--out", str(tmp_path / "out")]) == 0
    result = json.loads((tmp_path / "out/result.json").read_text())
    arm = arms_of(result)["few_shot"]
    assert (arm["model"], arm["model_tag"]) == ("greet", "greet")
    given, written = (arm["tokens"][f"{name}_mean"] for name in ("input", "output"))
    assert arm["cost"]["per_request"] == pytest.approx((3 * given + 5 * written) / 1e6, rel=1e-3)
    assert load(tmp_path / "out/arms/few_shot").answer("refund invoice charge")
    capsys.readouterr()
    assert main(["models"]) == 0
    assert "toy:NAME         made in a test\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("toy:gret", "unknown toy model 'gret' (did you mean 'greet'?); known: greet, part"),
        ({"provider": "toy"}, "provider toy needs a name"),
        ("greet", "unknown model 'greet' (did you mean 'toy:greet'?)"),
        ("ty:greet", "unknown provider 'ty' (did you mean 'toy'?)"),
    ],
)
def test_its_names_are_checked_and_suggested(
    toy: ModelProvider,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    model: object,
    message: str,
) -> None:
    task = write_task(tmp_path / "task", model=model)  # type: ignore[arg-type]
    assert main(["plan", str(task)]) == 2
    assert message in capsys.readouterr().err


def test_what_is_known_of_each_provider() -> None:
    facts = {
        name: (provider.is_local, provider.is_tunable, provider.has_probabilities)
        for name in PROVIDERS
        if (provider := PROVIDERS.get(name))
    }
    assert facts == {
        "embedded": (True, True, True),
        "hf": (True, True, True),
        "openai": (False, False, False),
        "fake": (True, False, True),
    }


def test_every_model_has_notes_and_facts_and_only_the_hosted_are_paid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    fake = load_model(ModelSpec("fake", "smart"))
    assert (fake.notes, dict(fake.facts), isinstance(fake, PaidModel)) == ((), {}, False)
    for batch in (False, True):
        hosted: Model = load_model(ModelSpec("openai", "m", batch=batch))
        assert isinstance(hosted, PaidModel)
        assert (dict(hosted.facts), hosted.meter, dict(hosted.memory)) == ({}, None, {})


LOCAL = ModelSpec("embedded", "smollm2-135m")
HOSTED = ModelSpec("openai", "gpt-4.1-nano", base_url="https://x.test/v1", api_key_env="KEY")
FOLDER = ModelSpec("hf", "/tuned/whole", tuned_from=replace(LOCAL, adapter="/tuned/first"))
JOB = replace(HOSTED, name="ft:gpt-4.1-nano:us::1", tuned_from=HOSTED)


@pytest.mark.parametrize(
    ("spec", "base", "account"),
    [
        (LOCAL, LOCAL, "embedded:smollm2-135m"),
        (replace(LOCAL, adapter="/tuned"), LOCAL, "embedded:smollm2-135m"),
        (FOLDER, LOCAL, "embedded:smollm2-135m"),
        (HOSTED, HOSTED, "openai|https://x.test/v1|gpt-4.1-nano"),
        (JOB, HOSTED, "openai|https://x.test/v1|ft:gpt-4.1-nano:us::1"),
        (replace(JOB, batch=True), HOSTED, "openai|https://x.test/v1|ft:gpt-4.1-nano:us::1|batch"),
    ],
)
def test_a_tuned_model_knows_its_base_and_its_account(
    spec: ModelSpec, base: ModelSpec, account: str
) -> None:
    assert spec.base == base
    assert spec.account == account
    saved = json.loads(json.dumps(spec.to_dict()))
    assert ModelSpec.from_dict(saved) == spec
    assert provider_of(spec) is PROVIDERS.get(spec.provider)
