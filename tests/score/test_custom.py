from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.core import Example, Message
from steelyard.errors import ConfigError
from steelyard.score import Grade, Metric, build_metric
from steelyard.score.custom import Custom, CustomOptions
from steelyard.task import build_task
from tests.score.tasks import task_with

EXAMPLE = Example("e1", "When?", "At nine.", context=(Message("user", "Hello"),))


def scorer(folder: Path, code: str, name: str = "scorers.py:score", **options: Any) -> Metric:
    (folder / "scorers.py").write_text(code, encoding="utf-8")
    return build_metric(name, options, task_with(folder))


def test_a_function_gets_what_it_asks_for_by_name(tmp_path: Path) -> None:
    code = (
        "def score(output, reference, *, input, example, context=()):\n"
        "    said = (output, reference, input, example.id, context[0].content)\n"
        "    return said == ('Nine.', 'At nine.', 'When?', 'e1', 'Hello')\n"
    )
    metric = scorer(tmp_path, code)
    assert metric.name == "scorers.py:score"
    assert metric.grade(EXAMPLE, "Nine.") == Grade(1.0)
    assert metric.grade(EXAMPLE, "Ten.") == Grade(0.0)
    assert metric.grade(EXAMPLE, None) == Grade(0.0)


def test_an_answer_can_be_scored_without_its_input(tmp_path: Path) -> None:
    metric = scorer(tmp_path, "def score(output, reference):\n    return output == reference\n")
    assert (metric.score("a", "a"), metric.score("a", "b"), metric.score(None, "a")) == (1, 0, 0)


def test_a_function_may_take_nothing_or_everything(tmp_path: Path) -> None:
    metric = scorer(tmp_path, "def score(**given):\n    return len(given) / 10\n", weight=2)
    assert metric.grade(EXAMPLE, "x").score == pytest.approx(0.6)
    assert scorer(tmp_path, "def score():\n    return 1\n").grade(EXAMPLE, "x").score == 1


def test_options_are_further_arguments(tmp_path: Path) -> None:
    code = "def score(output, words, most=9):\n    return all(w in output for w in words)\n"
    metric = scorer(tmp_path, code, words=["nine", "open"])
    assert metric.grade(EXAMPLE, "open at nine").score == 1
    assert metric.grade(EXAMPLE, "open").score == 0


@pytest.mark.parametrize(
    ("returned", "grade"),
    [
        ("True", Grade(1.0)),
        ("0", Grade(0.0)),
        ("0.25", Grade(0.25)),
        ("np.float32(0.5)", Grade(0.5)),
        ("np.bool_(True)", Grade(1.0)),
        ("Decimal('0.5')", Grade(0.5)),
        ("Fraction(1, 4)", Grade(0.25)),
        (
            "{'score': 0.5, 'tone': True, 'facts': 0, 'n/a': None}",
            Grade(0.5, {"tone": 1.0, "facts": 0.0}),
        ),
        ("{'score': 1, 'parts': {'tone': 0.5}}", Grade(1.0, {"tone": 0.5})),
        ("Grade(0.5, {'tone': 1})", Grade(0.5, {"tone": 1.0})),
    ],
)
def test_what_a_function_may_return(tmp_path: Path, returned: str, grade: Grade) -> None:
    imports = (
        "import numpy as np\nfrom decimal import Decimal\nfrom fractions import Fraction\n"
        "from steelyard.score import Grade\n"
    )
    metric = scorer(tmp_path, f"{imports}def score(output):\n    return {returned}\n")
    assert metric.grade(EXAMPLE, "x") == grade


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("None", r"returned None \(does it end without return\?\) for example 'e1'"),
        ("float('nan')", "returned nan for example 'e1': return a number from 0 to 1"),
        ("1.5", "returned 1.5, outside 0 to 1, for example 'e1'"),
        ("-1", "returned -1, outside 0 to 1,"),
        ("float('inf')", "returned inf, outside"),
        ("'good'", "returned 'good' for example"),
        ("np.array([0.5, 1])", "returned array"),
        ("{'scores': 1}", "without 'score' for example 'e1' .did you mean 'scores'"),
        ("{'score': 1, 'tone': 'nice'}", "returned 'nice' for part 'tone' for example 'e1'"),
        ("{}", "it has nothing"),
    ],
)
def test_what_is_no_score_is_one_line(tmp_path: Path, returned: str, message: str) -> None:
    code = f"import numpy as np\ndef score(output):\n    return {returned}\n"
    with pytest.raises(ConfigError, match=message) as caught:
        scorer(tmp_path, code).grade(EXAMPLE, "x")
    assert "\n" not in str(caught.value)
    assert "scorers.py:score" in str(caught.value)


def test_a_scorer_that_exits_is_told_like_one_that_fails(tmp_path: Path) -> None:
    metric = scorer(tmp_path, "import sys\ndef score(output):\n    sys.exit('enough')\n")
    with pytest.raises(ConfigError, match=r"SystemExit: enough \(scorers\.py:3\)"):
        metric.grade(EXAMPLE, "x")


def test_an_exception_names_the_line_and_the_example(tmp_path: Path) -> None:
    code = (
        "import json\n"
        "def score(output):\n"
        "    return inner(output)\n"
        "def inner(output):\n"
        "    return json.loads(output)['score']\n"
    )
    metric = scorer(tmp_path, code)
    assert metric.grade(EXAMPLE, '{"score": 1}').score == 1
    with pytest.raises(ConfigError) as caught:
        metric.grade(EXAMPLE, "{}")
    assert "failed for example 'e1' with KeyError: 'score' (scorers.py:5)" in str(caught.value)
    with pytest.raises(ConfigError, match=r"JSONDecodeError: .* \(scorers.py:5\)"):
        metric.grade(EXAMPLE, "no json")
    with pytest.raises(ConfigError, match=r"for example 'e1' in e\.jsonl:7 with KeyError"):
        metric.grade(replace(EXAMPLE, source="e.jsonl:7"), "{}")


@pytest.mark.parametrize(
    ("code", "name", "options", "message"),
    [
        (
            "def scor(output): ...",
            "scorers.py:score",
            {},
            "defines no 'score' .did you mean 'scor'",
        ),
        ("", "scorer.py:score", {}, "no file .*scorer.py .did you mean 'scorers.py'"),
        ("", "scorers:score", {}, "to name the file, write scorers.py:score"),
        ("", "no_such_package_here:score", {}, "cannot import 'no_such_package_here'"),
        ("score = 3", "scorers.py:score", {}, "is not a function .got 3"),
        ("async def score(output): ...", "scorers.py:score", {}, "async function"),
        ("score = dict", "scorers.py:score", {}, "has no readable signature"),
        ("def score(output, /): ...", "scorers.py:score", {}, "'output' by position only"),
        (
            "def score(output, refrence): ...",
            "scorers.py:score",
            {},
            "takes 'refrence' .did you mean 'reference'",
        ),
        (
            "def score(output, most=3): ...",
            "scorers.py:score",
            {"mots": 1},
            "unknown option 'mots' .did you mean 'most'",
        ),
        ("def score(output): ...", "scorers.py:score", {"output": 1}, "is reserved"),
        ("def score(output) return 1", "scorers.py:score", {}, "SyntaxError"),
        ("x = 1\ny = x / 0", "scorers.py:score", {}, r"ZeroDivisionError.*line 2"),
    ],
)
def test_a_scorer_that_cannot_be_used_is_refused_before_the_run(
    tmp_path: Path, code: str, name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        scorer(tmp_path, code, name, **options)
    assert "\n" not in str(caught.value)


def test_the_bare_name_says_how_it_is_written() -> None:
    with pytest.raises(ConfigError, match=r"write metric: scorers\.py:my_function"):
        build_metric("custom")


def test_helpers_beside_the_file_are_found_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "helpers_of_custom.py").write_text("WORTH = 0.5\n", encoding="utf-8")
    before = list(sys.path)
    code = "from helpers_of_custom import WORTH\ndef score(output):\n    return WORTH\n"
    assert scorer(tmp_path, code).grade(EXAMPLE, "x").score == 0.5
    assert sys.path == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "helpers_of_custom.py",
        "scorers.py",
    ]


def test_a_function_of_an_installed_package_and_a_callable_object(tmp_path: Path) -> None:
    metric = build_metric("tests.score.judge.scripts:is_polite")
    assert metric.grade(EXAMPLE, "At nine, please.").score == 1
    assert metric.fingerprint
    code = "class Scorer:\n    def __call__(self, output):\n        return 1\nscore = Scorer()\n"
    own = scorer(tmp_path, code)
    assert own.grade(EXAMPLE, "x").score == 1
    assert own.fingerprint


def test_a_function_that_returns_bool_is_a_metric_of_right_and_wrong(tmp_path: Path) -> None:
    assert scorer(tmp_path, "def score(output) -> bool:\n    return True\n").binary
    assert not scorer(tmp_path, "def score(output) -> float:\n    return 1\n").binary
    postponed = "from __future__ import annotations\ndef score(output) -> bool:\n    return True\n"
    assert scorer(tmp_path, postponed).binary


def test_its_source_and_that_of_its_helpers_are_in_the_fingerprint(tmp_path: Path) -> None:
    helper = tmp_path / "helpers_of_fingerprint.py"
    helper.write_text("WORTH = 0.5\n", encoding="utf-8")
    code = "from helpers_of_fingerprint import WORTH\ndef score(output):\n    return WORTH\n"
    metric = scorer(tmp_path, code)
    first = metric.fingerprint
    assert scorer(tmp_path, code).fingerprint == first
    helper.write_text("WORTH = 0.25\n", encoding="utf-8")
    assert metric.fingerprint != first
    helper.write_text("WORTH = 0.5\n", encoding="utf-8")
    assert scorer(tmp_path, code + "# other words\n").fingerprint != first


def test_its_source_is_in_the_tasks_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"input": "a", "output": "b"}\n', encoding="utf-8")
    config = {
        "name": "t",
        "instruction": "Answer.",
        "output": {"kind": "text"},
        "examples": "rows.jsonl",
        "metric": "scorers.py:score",
    }
    found = []
    for code in ("def score(): return 1\n", "def score(): return 0\n"):
        (tmp_path / "scorers.py").write_text(code, encoding="utf-8")
        found.append(build_task(config, tmp_path).fingerprint)
    assert found[0] != found[1]


def test_numbers_of_numpy_come_back_as_plain_ones(tmp_path: Path) -> None:
    code = "import numpy as np\ndef score(output):\n    return np.float64(0.5)\n"
    score = scorer(tmp_path, code).grade(EXAMPLE, "x").score
    assert type(score) is float
    assert Decimal(score) == Decimal(float(np.float64(0.5)))


def fingerprint_from(folder: Path, script: str) -> str:
    """The scorer's fingerprint as a script in its own folder sees it."""
    path = folder / script
    code = (
        "from pathlib import Path\n"
        "from steelyard.score import build_metric\n"
        "from steelyard.task import build_task\n"
        "config = {'name': 't', 'instruction': 'x', 'output': {'kind': 'text'}}\n"
        "task = build_task({**config, 'examples': __file__}, Path(__file__).parent)\n"
        f"print({script!r}, build_metric('scorers.py:score', task=task).fingerprint)\n"
    )
    path.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def test_the_script_that_runs_it_is_not_in_the_fingerprint(tmp_path: Path) -> None:
    metric = scorer(tmp_path, "def score(output):\n    return 1\n")
    assert fingerprint_from(tmp_path, "one.py") == metric.fingerprint
    assert fingerprint_from(tmp_path, "two.py") == metric.fingerprint


def test_what_it_imports_late_or_from_packages_is_in_the_fingerprint(tmp_path: Path) -> None:
    code = (
        "from functools import partial\n"
        "from importlib import import_module\n"
        "def any_score(output, least):\n"
        "    import late_of_scorers\n"
        "    import_module('named_of_scorers')\n"
        "    from pack_of_scorers.deep import words\n"
        "    return 1\n"
        "score = partial(any_score, least=2)\n"
    )
    parts = ["late_of_scorers.py", "later_of_scorers.py", "named_of_scorers.py"]
    parts.append("pack_of_scorers/deep/words.py")
    (tmp_path / "pack_of_scorers/deep").mkdir(parents=True)
    (tmp_path / "pack_of_scorers/__init__.py").touch()
    (tmp_path / "unread.py").touch()
    for part in parts:
        (tmp_path / part).write_text("import later_of_scorers\n", encoding="utf-8")
    metric = scorer(tmp_path, code)
    found = {metric.fingerprint}
    for part in (*parts, "scorers.py"):
        with (tmp_path / part).open("a", encoding="utf-8") as file:
            file.write("# more\n")
        found.add(metric.fingerprint)
    assert len(found) == 6
    (tmp_path / "unread.py").write_text("# more\n", encoding="utf-8")
    assert metric.fingerprint in found


def beside(folder: Path, *parts: str) -> None:
    for part in parts:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).touch()


def counts(metric: Metric, path: Path) -> bool:
    """Whether a change of the file at ``path`` changes the metric's fingerprint."""
    before = metric.fingerprint
    with path.open("a", encoding="utf-8") as file:
        file.write("# more\n")
    return metric.fingerprint != before


FOLDERS = ("env", "tests", "src", "data", "venv")


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_named_in_words_are_not_in_the_fingerprint(tmp_path: Path, folder: str) -> None:
    code = (
        f'"""Score in the {folder} of the user."""\n'
        f"def score(output, {folder}=None):\n"
        f'    """Take {folder}."""\n'
        f"    {folder} = {folder} or 1  # {folder}\n"
        f"    assert {folder}, 'no {folder} here'\n"
        "    return 1\n"
    )
    beside(tmp_path, f"{folder}/lib/m.py", f"{folder}/m.py")
    metric = scorer(tmp_path, code)
    assert not counts(metric, tmp_path / folder / "lib/m.py")
    assert not counts(metric, tmp_path / folder / "m.py")


def test_a_package_named_only_in_a_docstring_is_not_in_the_fingerprint(tmp_path: Path) -> None:
    beside(tmp_path, "tests/__init__.py", "words.py")
    code = 'def score(output):\n    """Count words, as tests do."""\n    return 1\n'
    metric = scorer(tmp_path, code)
    assert not counts(metric, tmp_path / "tests/__init__.py")
    assert not counts(metric, tmp_path / "words.py")
    imported = scorer(
        tmp_path, f"def score(output):\n    import words, tests\n    return 1\n# {code!r}"
    )
    assert counts(imported, tmp_path / "tests/__init__.py")
    assert counts(imported, tmp_path / "words.py")


@pytest.mark.parametrize(
    "code",
    [
        "    import plain.deep.words",
        "    from plain.deep.words import WORTH",
        "    from plain.deep import words",
        "    import_module('plain.deep.words')",
        "    runpy.run_path('plain/deep/words.py')",
        "    import through",
    ],
)
def test_only_what_is_named_in_a_folder_that_is_no_package(tmp_path: Path, code: str) -> None:
    beside(tmp_path, "plain/deep/words.py", "plain/deep/other.py", "plain/other.py")
    (tmp_path / "through.py").write_text("from plain.deep.words import WORTH\n", encoding="utf-8")
    metric = scorer(tmp_path, f"def score(output):\n{code}\n    return 1\n")
    assert counts(metric, tmp_path / "plain/deep/words.py")
    assert not counts(metric, tmp_path / "plain/deep/other.py")
    assert not counts(metric, tmp_path / "plain/other.py")


def test_what_is_imported_from_a_folder_that_is_put_into_the_path(tmp_path: Path) -> None:
    beside(tmp_path, "lib/deep/helper_of_path.py", "lib/deep/other.py", "lib/other.py")
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, str(Path(__file__).parent / 'lib' / 'deep'))\n"
        "def score(output):\n"
        "    import helper_of_path\n"
        "    return 1\n"
    )
    metric = scorer(tmp_path, code)
    (tmp_path / "lib/deep/helper_of_path.py").write_text("X = '\\d'\n")  # Python warns
    assert counts(metric, tmp_path / "lib/deep/helper_of_path.py")
    assert not counts(metric, tmp_path / "lib/deep/other.py")
    assert not counts(metric, tmp_path / "lib/other.py")


def test_a_virtual_environment_is_never_in_the_fingerprint(tmp_path: Path) -> None:
    code = "def score(output):\n    import env.lib.m, pack, m\n    return 'env', 'env/lib', 'lib'\n"
    beside(tmp_path, "env/lib/m.py", "pack/__init__.py", "pack/venv/lib/m.py", "pack/part.py")
    metric = scorer(tmp_path, code)
    assert counts(metric, tmp_path / "env/lib/m.py")
    beside(tmp_path, "pyvenv.cfg", "env/pyvenv.cfg", "pack/venv/pyvenv.cfg")
    assert not counts(metric, tmp_path / "env/lib/m.py")
    assert not counts(metric, tmp_path / "pack/venv/lib/m.py")
    assert counts(metric, tmp_path / "pack/part.py")


@pytest.mark.parametrize(
    "line", ["from .other import x", "from . import other", "import one.other"]
)
def test_a_scorer_in_a_package_and_the_modules_next_to_it(tmp_path: Path, line: str) -> None:
    beside(tmp_path, "other.py")
    metric = scorer(tmp_path, f"def score(output):\n    {line}\n    return 1\n")
    assert counts(metric, tmp_path / "other.py")


def test_a_helper_that_is_no_python_still_counts(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (\n", encoding="utf-8")
    metric = scorer(tmp_path, "def score(output):\n    import broken\n    return 1\n")
    assert counts(metric, tmp_path / "broken.py")


class Hurried(Custom):
    patience_seconds = 0.05


def test_a_call_that_does_not_end_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = "import time\ndef score(output):\n    time.sleep(float(output))\n    return 1\n"
    (tmp_path / "scorers.py").write_text(code, encoding="utf-8")
    metric = Hurried(CustomOptions(function="scorers.py:score"), task_with(tmp_path))
    caplog.clear()
    metric.grade(EXAMPLE, "0")
    assert not caplog.messages
    for _ in range(2):
        assert metric.grade(EXAMPLE, "0.2") == Grade(1.0)
    [said] = caplog.messages
    assert said.startswith("metric scorers.py:score is still scoring example 'e1' after 0.05 s;")
