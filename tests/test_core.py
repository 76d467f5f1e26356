from __future__ import annotations

import json
from dataclasses import asdict

from steelyard.core import Completion, Usage

SPENT = {"small": Usage(2, 100, 40, 20, 0, 1.5), "large": Usage(1, 10, 0, 5, 7, 0.5)}


def test_a_completion_comes_back_from_json_whole() -> None:
    for spent in ({}, SPENT):
        completion = Completion("x", "stop", 110, 40, 25, 0.1, 2.0, spent=spent)
        assert Completion.from_dict(json.loads(json.dumps(asdict(completion)))) == completion


def test_a_completion_as_first_written_still_opens() -> None:
    saved = {"text": "x", "finish_reason": "stop", "spent": [["small", 100, 40, 20, 1.5]]}
    completion = Completion.from_dict(saved)
    assert completion.spent == {"small": Usage(0, 100, 40, 20, machine_seconds=1.5)}
    assert Completion.from_dict({**saved, "spent": []}).spent == {}


def test_what_a_completion_took_is_its_own_or_the_sum_of_its_parts() -> None:
    alone = Completion("x", "stop", 110, 40, 25, total_seconds=8.0, batch_size=4)
    assert alone.usage == Usage(1, 110, 40, 25, 0, 2.0)
    assert Completion("x", "stop", 1, spent=SPENT).usage == Usage(3, 110, 40, 25, 7, 2.0)
