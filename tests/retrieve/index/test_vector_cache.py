from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest

from steelyard.retrieve.index.vector_cache import (
    VARIABLE,
    CachedEncoder,
    VectorCache,
    open_vectors,
    vector_key,
)
from tests.retrieve.index.concepts import ConceptEncoder

CONCEPTS = {"a": 0, "b": 1, "c": 2}


def test_no_text_is_encoded_twice(tmp_path: Path) -> None:
    inner = ConceptEncoder(CONCEPTS)
    vectors = CachedEncoder(inner, VectorCache(tmp_path / "v.db")).encode(["a", "b", "a", "\ud800"])
    assert inner.calls == ["a", "b", "\ud800"]
    again = ConceptEncoder(CONCEPTS)
    encoder = CachedEncoder(again, VectorCache(tmp_path / "v.db"))
    np.testing.assert_array_equal(encoder.encode(["a", "b", "a", "\ud800"]), vectors)
    assert again.calls == []
    assert encoder.encode(["c", "a"]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert again.calls == ["c"]
    assert encoder.encode([]).shape == (0, 3)
    assert stat.S_IMODE((tmp_path / "v.db").stat().st_mode) == 0o600


def test_encoders_do_not_share_vectors(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "v.db")
    CachedEncoder(ConceptEncoder(CONCEPTS), cache).encode(["a"])
    other = ConceptEncoder({"a": 1}, "other")
    assert CachedEncoder(other, cache).encode(["a"]).tolist() == [[0, 1]]
    nameless = ConceptEncoder(CONCEPTS, "")
    for _ in range(2):
        CachedEncoder(nameless, cache).encode(["a"])
    assert nameless.calls == ["a", "a"]


def test_what_was_encoded_before_a_kill_is_there(tmp_path: Path) -> None:
    class Dies(ConceptEncoder):
        def encode(self, texts):  # type: ignore[no-untyped-def]
            if len(self.calls) >= 256:
                raise KeyboardInterrupt
            return super().encode(texts)

    cache = VectorCache(tmp_path / "v.db")
    texts = [f"a {number}" for number in range(300)]
    with pytest.raises(KeyboardInterrupt):
        CachedEncoder(Dies(CONCEPTS), cache).encode(texts)
    again = ConceptEncoder(CONCEPTS)
    CachedEncoder(again, cache).encode(texts)
    assert len(again.calls) == 44


def test_the_oldest_go_first(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "v.db", most_bytes=100_000)
    keys = [vector_key("e", str(number)) for number in range(100)]
    for key in keys:
        cache.put({key: np.ones(384, dtype=np.float32)})
    left = cache.get(keys)
    assert 20 < len(left) < 70
    assert keys[-1] in left
    assert keys[0] not in left


def test_a_damaged_file_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "v.db"
    path.write_bytes(b"no database " * 1000)
    assert CachedEncoder(ConceptEncoder(CONCEPTS), VectorCache(path)).encode(["a"]).shape == (1, 3)
    assert caplog.text.count("continuing without the vectors") == 1
    assert VARIABLE in caplog.text


def test_vectors_of_another_width_are_encoded_again(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "v.db")
    cache.put({vector_key("concepts", "a"): np.ones(7, dtype=np.float32)})
    encoder = CachedEncoder(ConceptEncoder(CONCEPTS), cache)
    assert encoder.encode(["a", "b"]).shape == (2, 3)


def test_the_environment_moves_it_or_turns_it_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path))
    for setting, path in (("", tmp_path / "vectors.db"), (str(tmp_path / "x"), tmp_path / "x")):
        monkeypatch.setenv(VARIABLE, setting)
        cache = open_vectors()
        assert cache is not None
        assert cache.path == path
    for setting in ("off", "/dev/null"):
        monkeypatch.setenv(VARIABLE, setting)
        assert open_vectors() is None
