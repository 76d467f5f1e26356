"""A stranger's model folder: its Python is not run, its pickles are not read, and nobody is asked."""

from __future__ import annotations

import io
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import ModelError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from steelyard.model import huggingface as hf  # noqa: E402 - the optional packages come first
from steelyard.model.encoder import SentenceEncoder  # noqa: E402
from steelyard.model.tokenizer import folder_tokenizer  # noqa: E402
from tests.model.tiny import save_tiny  # noqa: E402


@pytest.fixture
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that code from the folder would write; to every question the answer is yes."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 9))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "ran"


@pytest.fixture
def folder(tmp_path: Path, marker: Path) -> Path:
    folder = save_tiny(tmp_path / "model") or tmp_path / "model"
    (folder / "evil.py").write_text(f"open({str(marker)!r}, 'w')\nclass Evil: pass\n")
    return folder


def brings_code(folder: Path, name: str, *classes: str, **more: str) -> None:
    path = folder / name
    config = json.loads(path.read_text())
    config["auto_map"] = dict.fromkeys(classes, "evil.Evil")
    path.write_text(json.dumps({**config, **more}))


def test_an_architecture_in_the_folder_is_refused(folder: Path, marker: Path) -> None:
    brings_code(
        folder, "config.json", "AutoConfig", "AutoModelForCausalLM", "AutoModel", model_type="evil"
    )
    for read in (hf.read_config, lambda source: hf.read_network(source, torch.float32)):
        with pytest.raises(ModelError, match="brings Python code"):
            read(str(folder))
    with pytest.raises((ValueError, ModelError)):
        SentenceEncoder.read(folder, 128)
    assert not marker.exists()


def test_a_tokenizer_in_the_folder_is_refused(folder: Path, marker: Path) -> None:
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config |= {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", None]}}
    path.write_text(json.dumps(config))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError):
        hf.read_tokenizer(str(folder))
    assert isinstance(folder_tokenizer(folder), str)
    assert not marker.exists()


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return open, (str(self.marker), "w")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_pickled_weights_are_refused(name: str, folder: Path, marker: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(Evil(marker)))
    with pytest.raises(ModelError, match=f"{name}, which can run code"):
        hf.read_network(str(folder), torch.float32)
    assert not marker.exists()


def test_a_pickled_adapter_is_refused(folder: Path, marker: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (adapter / "adapter_model.bin").write_bytes(pickle.dumps(Evil(marker)))
    network = hf.read_network(str(folder), torch.float32)
    with pytest.raises(ModelError, match=r"adapter_model\.bin, which can run code"):
        hf.merge_adapter(network, adapter)
    assert not marker.exists()


def test_every_reader_of_transformers_says_that_no_code_is_run() -> None:
    """`from_pretrained` asks a person where nobody says so; safe is only what says so each time."""
    from steelyard import model

    for path in Path(str(model.__file__)).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        calls = text.split(".from_pretrained(")[1:]
        for call in calls:
            if "PeftModel" not in text.split(call)[0][-30:]:
                assert "NO_CODE" in call[:200] or "trust_remote_code=False" in call[:200], path
