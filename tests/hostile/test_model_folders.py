"""Whatever lies in the folder of a model: its tokens are counted, or estimated with the reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.hostile.inputs import FILES, VALUES, keys_in, with_value
from tests.hostile.told import in_time

pytest.importorskip("torch")
pytest.importorskip("transformers")

from steelyard.errors import ModelError
from steelyard.model.huggingface import read_config
from steelyard.model.tokenizer import folder_tokenizer, overhead
from tests.model.tiny import save_tiny

JSON = ("tokenizer.json", "tokenizer_config.json", "config.json")
SOME = {name: VALUES[name] for name in "null text huge list mapping".split()}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "model"))


def count(folder: Path) -> None:
    with in_time():
        tokenizer = folder_tokenizer(folder)
        if isinstance(tokenizer, str):
            assert tokenizer
            return
        assert tokenizer.count(["a b"])
        assert tokenizer.window is None or tokenizer.window > 0
        if tokenizer.template:
            overhead(tokenizer.template, tokenizer.special, tokenizer.count)


@pytest.mark.parametrize("name", [*JSON, "chat_template.jinja"])
def test_another_file_in_its_place(name: str, folder: Path) -> None:
    good = (folder / name).read_bytes() if (folder / name).exists() else b""
    for spoil in FILES.values():
        spoil(folder / name)
        count(folder)
        if (folder / name).is_dir() and not (folder / name).is_symlink():
            (folder / name).rmdir()
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(good)


@pytest.mark.parametrize("name", JSON)
def test_any_value_under_any_key(name: str, folder: Path) -> None:
    good = json.loads((folder / name).read_text(encoding="utf-8"))
    for key in [key for key in keys_in(good) if len(key) < 3][:12]:
        for value in SOME.values():
            (folder / name).write_text(json.dumps(with_value(good, key, value)), encoding="utf-8")
            count(folder)


@pytest.mark.parametrize("name", ["text", "mapping"])
def test_a_configuration_is_read_or_refused(name: str, folder: Path) -> None:
    good = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for key in keys_in(good):
        text = json.dumps(with_value(good, key, VALUES[name]))
        (folder / "config.json").write_text(text, encoding="utf-8")
        with in_time():
            try:
                read_config(str(folder))
            except ModelError as error:
                assert str(folder) in str(error)
