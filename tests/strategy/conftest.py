"""A fit context over a fake model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steelyard.model.fake import FakeModel
from steelyard.score import build_metric
from steelyard.strategy.base import Brief, FitContext
from tests.strategy.samples import SPEC, TOPICS, listed, tickets


@pytest.fixture
def brief() -> Brief:
    """A label task whose instruction does not name the labels."""
    return Brief("Classify the ticket. Answer with the label only.", "label", tuple(TOPICS))


@pytest.fixture
def fit_context(brief: Brief, tmp_path: Path) -> Callable[..., FitContext]:
    """Return a maker of fit contexts; keyword arguments replace fields."""

    def make(**changes: Any) -> FitContext:
        model = changes.pop("model", None) or FakeModel("smart")
        fields: dict[str, Any] = {
            "brief": brief,
            "train": tickets(60),
            "dev": tickets(60, offset=100),
            "model": model,
            "spec": SPEC,
            "build_model": lambda spec: model,
            "folder": tmp_path / "fit",
            "seed": 7,
        } | changes
        metric = {"metric": build_metric(fields["brief"].metric)}
        models = {"models": listed(fields["spec"])}
        return FitContext(**(metric | models | fields))

    return make
