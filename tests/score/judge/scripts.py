"""Judges by script: what they answer to the prompts of the real one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from steelyard.core import Example, Request
from steelyard.model.base import ModelSpec
from steelyard.model.fake_script import Script, ScriptedModel
from steelyard.score.judge import Judge
from tests.score.tasks import task_with

SPEC = ModelSpec("fake", "smart")
_FENCE = re.compile(
    r"<<<(?P<name>[A-Z ]+) (?P<marker>\w+)>>>\n(?P<text>.*?)\n<<<END (?P=name) (?P=marker)>>>", re.S
)


def fences(request: Request) -> dict[str, str]:
    """What stands in each fence of a judge's prompt, by name."""
    found = _FENCE.finditer(request.messages[-1].content)
    return {match["name"]: match["text"] for match in found}


def outside(request: Request) -> str:
    """The prompt without what stands in its fences."""
    return _FENCE.sub("", request.messages[-1].content)


def preferring(worth: Callable[[str], float]) -> Script:
    """A judge that prefers the reply of more ``worth``, wherever it stands."""

    def script(request: Request) -> str:
        replies = fences(request)
        a, b = worth(replies["REPLY A"]), worth(replies["REPLY B"])
        return "TIE" if a == b else "A" if a > b else "B"

    return script


def judge(script: Script | ScriptedModel, **section: Any) -> Judge:
    """A judge with the section ``judge`` of a task, connected to a scripted model."""
    model = script if isinstance(script, ScriptedModel) else ScriptedModel(script)
    task = task_with(instruction="Answer kindly.", judge=section, model="fake:smart")
    made = Judge(None, task)
    made.connect(lambda spec: model)
    return made


def example(name: str, reference: str = "a fair reply", **fields: Any) -> Example:
    """An example with a reference."""
    given: Mapping[str, Any] = {"input": f"question {name}", **fields}
    return Example(id=name, output=reference, **given)


def is_polite(output: str) -> bool:
    """A scorer in a package."""
    return "please" in output
