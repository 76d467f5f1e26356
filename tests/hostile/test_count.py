"""There are enough of them."""

from __future__ import annotations

from tests.hostile import (
    test_command_line,
    test_row_files,
    test_run_folders,
    test_saved_arms,
    test_task_files,
)
from tests.hostile.inputs import CONTENTS, FILES, PLACES

LEAST = 300


def test_there_are_at_least_so_many_hostile_files_and_names() -> None:
    """Those that stand in a table; values tried under every key are not counted."""
    tasks = len(test_task_files.ADDED) + len(test_task_files.REPLACED) + len(FILES) + len(CONTENTS)
    rows = sum(map(len, (test_row_files.TEXTS, test_row_files.GZIPS, test_row_files.ZIPS)))
    rows += len(test_row_files.ENDINGS) * len(CONTENTS) + 5 * len(PLACES)
    arms = len(test_saved_arms.PARTS) * len(FILES)
    runs = len(test_run_folders.STATEMENTS) + len(test_run_folders.OTHERS) + len(FILES)
    words = len(test_command_line.VERBS) * len(test_command_line.PATHS)
    words += len(test_command_line.OPTIONS) * len(test_command_line.NUMBERS)
    assert min(tasks, rows, arms, runs, words) > 50
    assert tasks + rows + arms + runs > LEAST
