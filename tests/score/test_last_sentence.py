"""Of several sentences with numbers the last one must say that it comes to its own; bounds are none."""

from __future__ import annotations

import pytest

from steelyard.score.values import final_value


@pytest.mark.parametrize(
    "text",
    [
        "Total due: $42.00\n\nPayment is due within 30 days.",
        "They need 42 buses. Each bus holds 30 people.",
        "Revenue was 42. The fiscal year ended in 2023.",
        "The answer is > 5",
        "Answer: >1000",
        "\\boxed{>5}",
        "#### >5",
        ">1000",
    ],
)
def test_no_number_is_certain(text: str) -> None:
    assert final_value(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("> 42", 42),
        ("She sold 48 in April and 24 in May. In total she sold 72.", 72),
        ("1. Add 3 and 4\n2. Get 7", 7),
        ("He has 5 apples and buys 4. So he has 9.", 9),
    ],
)
def test_a_result_is_read(text: str, number: int) -> None:
    value = final_value(text)
    assert value is not None and value.number == number
