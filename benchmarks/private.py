"""How fast private data is found and redacted, and how much of what was planted is found.

    python benchmarks/private.py [--rows 100000] [--share 0.05] [--seed 0]

Every row is a short customer's message; a share of them gets one private value, made up or from a
range that is reserved for examples, and as many get a number that looks like one and is none.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path

from steelyard.data.base import CheckOptions
from steelyard.data.checks.private_data import find
from steelyard.data.dataset import open_dataset
from steelyard.data.private.files import redact_file
from steelyard.private.checksums import luhn

MESSAGES = (
    "I ordered two lamps on {day} and only one of them came, can you tell me where the other is",
    "my card was declined at the shop although there are {price} on the account, why is that",
    "please cancel my subscription before the next payment, I no longer need all {few} seats",
    "the app crashes when I open the settings on version {version}, it worked until yesterday",
    "how long does a transfer to another bank take, I have been waiting since {time} for it",
    "could you send the invoice again, the one that I got shows the wrong company name",
    "I would like to change my plan to the yearly one, what would that cost me per month",
    "the heating in room {few} does not work and nobody answers at the reception desk",
)
DECOYS = (
    "order 4{d15}", "ticket 20{d8}", "ref. {d3}-{d3}-{d4}", "tracking 1Z{d8}", "on 2024-0{few}-1{few}",
    "it cost 1,2{d2},{d3}.5{few}", "invoice 20{d2}-{d6}", "serial {d12}", "from 12:{d2} to 13:{d2}",
    "article {d9}", "build 10.{few}.{few}.{d4}",
)  # fmt: skip
PRIVATE = {
    "email": ("{word}.{word}{d2}@example.com", "{word}{d3}@example.org"),
    "phone": ("+1 202-555-01{d2}", "(415) 555-01{d2}", "+44 20 7946 0{d3}", "call 0161 496 0{d3}"),
    "card": ("{card}",),
    "iban": ("GB{iban}",),
    "national_id": ("SSN 219-09-{d4}", "my social security number is 078-05-1{d3}"),
    "address": ("{d2} Mill Street, Springfield", "I live at {d2} river road"),
    "secret": ("AKIA{key}EXAMPLE1", "password: Lamp{d4}!x"),
}


def fill(template: str, rng: random.Random) -> str:
    """Put made-up values into the places of ``template``."""
    values = {f"d{n}": lambda n=n: "".join(rng.choices("123456789", k=n)) for n in range(2, 16)}
    values |= {
        "few": lambda: str(rng.randint(1, 9)),
        "day": lambda: f"{rng.randint(1, 28)} May",
        "price": lambda: f"${rng.randint(1, 9999):,}.{rng.randint(10, 99)}",
        "version": lambda: f"{rng.randint(1, 9)}.{rng.randint(0, 20)}.{rng.randint(0, 9)}",
        "time": lambda: f"{rng.randint(10, 23)}:{rng.randint(10, 59)}",
        "word": lambda: rng.choice(("lamp", "river", "stone", "maple", "amber")),
        "key": lambda: "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=8)),
        "card": lambda: card(rng),
        "iban": lambda: iban(rng),
    }
    while "{" in template:
        name = template.partition("{")[2].partition("}")[0]
        template = template.replace("{" + name + "}", values[name](), 1)
    return template


def card(rng: random.Random) -> str:
    """A number under the test prefix 4242 4242 that passes Luhn's test."""
    front = "42424242" + "".join(rng.choices("0123456789", k=7))
    number = next(front + digit for digit in "0123456789" if luhn(front + digit))
    return " ".join(number[at : at + 4] for at in range(0, 16, 4))


def iban(rng: random.Random) -> str:
    """Check digits and account of a British IBAN at the sample bank NWBK."""
    account = "NWBK" + "".join(rng.choices("0123456789", k=14))
    number = int("".join(str(int(each, 36)) for each in account + "GB00"))
    return f"{98 - number % 97:02}{account}"


def write_rows(path: Path, rows: int, share: float, seed: int) -> dict[str, set[int]]:
    """Write the rows and return which hold what, by kind."""
    rng = random.Random(seed)
    planted: dict[str, set[int]] = {kind: set() for kind in PRIVATE}
    with path.open("w", encoding="utf-8") as file:
        for number in range(1, rows + 1):
            text, chance = fill(rng.choice(MESSAGES), rng), rng.random()
            if chance < share:
                kind = rng.choice(list(PRIVATE))
                planted[kind].add(number)
                text += ", " + fill(rng.choice(PRIVATE[kind]), rng)
            elif chance < 2 * share:
                text += ", " + fill(rng.choice(DECOYS), rng)
            label = rng.choice(("ORDER", "BILLING", "TECHNICAL", "OTHER"))
            file.write(json.dumps({"input": text, "output": label}) + "\n")
    return planted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        planted = write_rows(path, options.rows, options.share, options.seed)
        data = open_dataset(path)
        started = time.perf_counter()
        result = find(data, CheckOptions())
        seconds = time.perf_counter() - started
        print(f"{options.rows:,} rows searched in {seconds:.2f} s")
        found: dict[str, set[int]] = {kind: set() for kind in PRIVATE}
        for finding, kind in zip(result.findings, result.facts["kinds"], strict=True):
            found[kind] = set(finding.rows)
        for kind, rows in planted.items():
            hits = len(rows & found[kind])
            print(
                f"  {kind:12} planted {len(rows):6,}  found {hits:6,}  wrong {len(found[kind] - rows):4}"
            )
        started = time.perf_counter()
        done = redact_file(path, Path(folder) / "redacted.jsonl")
        print(f"redacted in {time.perf_counter() - started:.2f} s: {done}")
        again = find(open_dataset(Path(folder) / "redacted.jsonl"), CheckOptions())
        print(f"found in the redacted copy: {Counter(again.facts['kinds'])}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MB")


if __name__ == "__main__":
    main()
