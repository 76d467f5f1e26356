"""The user's own scorer: one Python function named in ``task.yaml``."""

from __future__ import annotations

import hashlib
import inspect
import logging
import math
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from numbers import Real
from pathlib import Path
from threading import Timer
from typing import Any, ClassVar

from pydantic import ConfigDict

from steelyard.config.options import Options
from steelyard.config.section import unknown_keys
from steelyard.core import Example
from steelyard.errors import ConfigError, closest
from steelyard.score.base import ExampleMetric, Grade
from steelyard.score.sources import sources_of
from steelyard.task import Task
from steelyard.user_code import load_name
from steelyard.words import one_line

log = logging.getLogger("steelyard")

INPUTS = ("output", "reference", "input", "example", "context")
"""What a scorer may ask for, by the names of its parameters."""
_SHOWN = 60
_TRIALS = 5


class CustomOptions(Options):
    """The ``function``, as the metric is named in the task; all others are its arguments."""

    model_config = ConfigDict(extra="allow")

    function: str

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Custom(ExampleMetric):
    """Scores by the user's function, written ``scorers.py:score_reply`` or ``package.module:score``.

    It is called with those of `INPUTS` that it declares, and with the metric's options, by name. It
    returns a number in [0, 1], a truth value, a `Grade`, or a mapping with ``score`` and the scores of
    parts. A failed answer scores 0 and is not shown to it. One that is annotated to return ``bool``
    counts as a metric of right and wrong. It is taken to compare final answers, and to find them.
    """

    options_type = CustomOptions
    config: CustomOptions
    patience_seconds: ClassVar[float] = 60.0
    """After which a call that has not ended is named, once: Python cannot end what runs in its thread."""
    compares_final_answers: ClassVar[bool] = True
    reads_reasoned_references: ClassVar[bool] = True

    def __init__(
        self, options: CustomOptions, task: Task | None = None, name: str | None = None
    ) -> None:
        """Load the function; a path starts at the task's folder. Raises `ConfigError`."""
        super().__init__(options, task, name)
        self.title = self.name
        folder, function = Path() if task is None else task.folder, options.function
        _refuse_bare_file(function, folder)
        self._is_slow_told = False
        self._function = load_name(function, folder, "metric")
        signature = _signature(function, self._function)
        self._parameters = _parameters(function, signature, options.arguments)
        self.binary = signature.return_annotation in (bool, "bool")

    @classmethod
    def name_with(cls, options: CustomOptions) -> str:
        return options.function

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        files = sources_of(self._function)
        for path in files:
            digest.update(f"\0{_within(path, files[0].parent)}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def check(self, examples: Sequence[Example]) -> None:
        """Try the function on a few references, so that its errors show before the run."""
        for example in examples[:_TRIALS]:
            self.grade(example, example.output)

    def grade(self, example: Example, output: str | None) -> Grade:
        """Call the function. Raises `ConfigError` for what it raises, or returns amiss."""
        if output is None:
            return Grade(0.0)
        values = {
            "output": output,
            "reference": example.output,
            "input": example.input,
            "example": example,
            "context": example.context,
        }
        arguments = {name: values[name] for name in self._parameters} | self.config.arguments
        try:
            with self._watched(example):
                returned = self._function(**arguments)
        except (Exception, SystemExit) as error:  # whatever the user's function raises
            raise ConfigError(self._raised(error, example)) from error
        return self._read(returned, example)

    @contextmanager
    def _watched(self, example: Example) -> Iterator[None]:
        """Say once which example a call is still at after `patience_seconds`."""
        if self._is_slow_told:
            yield
            return
        timer = Timer(self.patience_seconds, self._tell_slow, (example,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _tell_slow(self, example: Example) -> None:
        self._is_slow_told = True
        log.warning(
            "metric %s is still scoring%s after %g s; nothing ends it but itself: if it never does, press "
            "Ctrl-C and mend the function",
            self.name,
            _for(example).replace(" for ", " ", 1) or " an answer",
            self.patience_seconds,
        )

    def _raised(self, error: BaseException, example: Example) -> str:
        message = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return (
            f"metric {self.name} failed{_for(example)} with {message} ({_place(error)}); "
            "fix the function and rerun with a new --out (answers of hosted models are cached)"
        )

    def _read(self, returned: Any, example: Example) -> Grade:
        if isinstance(returned, Grade):
            score, parts = returned.score, returned.parts
        elif isinstance(returned, Mapping):
            score, parts = self._from_mapping(returned, example)
        else:
            score, parts = returned, {}
        checked = {
            str(part): self._number(value, f"for part {part!r}", example)
            for part, value in parts.items()
            if value is not None
        }
        return Grade(self._number(score, "", example), checked)

    def _from_mapping(
        self, returned: Mapping[Any, Any], example: Example
    ) -> tuple[Any, Mapping[Any, Any]]:
        if "score" not in returned:
            keys = [str(key) for key in returned]
            raise ConfigError(
                f"metric {self.name} returned a mapping without 'score'{_for(example)}"
                f"{closest('score', keys)}; it has {', '.join(keys) or 'nothing'}"
            )
        parts = {key: value for key, value in returned.items() if key != "score"}
        nested = parts.pop("parts", {})
        return returned["score"], {**parts, **(nested if isinstance(nested, Mapping) else {})}

    def _number(self, value: Any, what: str, example: Example) -> float:
        """Return ``value`` as a score. Raises `ConfigError` for anything else."""
        plain = value.item() if type(value).__module__ == "numpy" and value.ndim == 0 else value
        score = float(plain) if isinstance(plain, Real | Decimal) else math.nan
        if 0 <= score <= 1:
            return score
        if math.isnan(score):
            problem = one_line(repr(value), _SHOWN) + (
                " (does it end without return?)" if value is None else ""
            )
        else:
            problem = f"{one_line(repr(plain), _SHOWN)}, outside 0 to 1,"
        where = f" {what}" if what else ""
        raise ConfigError(
            f"metric {self.name} returned {problem}{where}{_for(example)}: "
            "return a number from 0 to 1, True or False"
        )


def _within(path: Path, folder: Path) -> str:
    """A path below ``folder`` from there on; a link elsewhere by its name."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _refuse_bare_file(name: str, folder: Path) -> None:
    """Say it where ``scorers:score`` was written for ``scorers.py:score``."""
    place, _, function = name.rpartition(":")
    if "." not in place and (folder / f"{place}.py").is_file():
        raise ConfigError(
            f"metric: {name!r} names a module; to name the file, write {place}.py:{function}"
        )


def _signature(name: str, function: Any) -> inspect.Signature:
    if not callable(function):
        raise ConfigError(
            f"metric: {name} is not a function (got {one_line(repr(function), _SHOWN)})"
        )
    if inspect.iscoroutinefunction(function):
        raise ConfigError(f"metric: {name} is an async function; make it a plain one")
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        raise ConfigError(
            f"metric: {name} has no readable signature; wrap it in a function of your own"
        ) from None


def _parameters(
    name: str, signature: inspect.Signature, options: Mapping[str, Any]
) -> Sequence[str]:
    """Which of `INPUTS` the function takes. Raises `ConfigError` for parameters that nothing fills."""
    kinds = {parameter.name: parameter.kind for parameter in signature.parameters.values()}
    takes_all = inspect.Parameter.VAR_KEYWORD in kinds.values()
    named = {
        parameter: kind
        for parameter, kind in kinds.items()
        if kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    }
    for parameter, kind in named.items():
        needed = signature.parameters[parameter].default is inspect.Parameter.empty
        if kind is inspect.Parameter.POSITIONAL_ONLY:
            raise ConfigError(
                f"metric: {name} takes {parameter!r} by position only; remove the / from its signature"
            )
        if needed and parameter not in INPUTS and parameter not in options:
            raise ConfigError(
                f"metric: {name} takes {parameter!r}{closest(parameter, INPUTS)}, which is not one of "
                f"{', '.join(INPUTS)} or an option; give it a default, or add it to options"
            )
    for option in options:
        if option in INPUTS:
            raise ConfigError(f"metric {name}: option {option!r} is reserved; rename it")
    unknown = [option for option in options if option not in named]
    if unknown and not takes_all:
        free = [parameter for parameter in named if parameter not in INPUTS]
        raise ConfigError(f"metric {name}: {unknown_keys(unknown, free, 'option')}")
    return INPUTS if takes_all else [name for name in INPUTS if name in named]


def _place(error: BaseException) -> str:
    """The innermost line outside Python's own and installed packages, else the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    library = (sys.prefix, sys.base_prefix)
    user_frames = [frame for frame in frames if not frame.filename.startswith((*library, "<"))]
    frame = (user_frames or frames)[-1] if frames else None
    return "in a builtin" if frame is None else f"{Path(frame.filename).name}:{frame.lineno}"


def _for(example: Example) -> str:
    named = f" for example {example.id!r}" if example.id else ""
    return f"{named} in {example.source}" if example.source else named
