"""A section refuses keys that it does not know and names the closest one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from steelyard.config.section import Section


class Traffic(Section):
    requests_per_day: int = 1
    horizon_days: int = 365


class Settings(Section):
    name: str = "t"
    traffic: Traffic | None = None


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"nam": "x"}, "unknown key 'nam' (did you mean 'name'?); known: name, traffic"),
        ({"request_per_day": 3}, "'request_per_day' (did you mean 'traffic.requests_per_day'?)"),
        ({"colour": 1, "size": 2}, "unknown keys 'colour', 'size'; known: name, traffic"),
        ({"traffic": {"horizon": 3}}, "(did you mean 'horizon_days'?)"),
    ],
)
def test_an_unknown_key_is_refused_with_the_closest_known_one(
    data: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(data)
    assert sentence in str(caught.value)


def test_what_is_read_does_not_change() -> None:
    settings = Settings.model_validate({"traffic": {"horizon_days": 3}})
    assert settings.traffic == Traffic(horizon_days=3)
    with pytest.raises(ValidationError, match="frozen"):
        settings.name = "other"
