from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import ModelError, UntrustedKeyError
from steelyard.model import ModelSpec
from steelyard.model.hosted.embeddings import EndpointEncoder
from steelyard.model.trust import agree, key_use
from steelyard.retrieve.base import Passage
from steelyard.retrieve.index.disk import MANIFEST
from steelyard.retrieve.index.encoders import Opener, cached
from steelyard.retrieve.index.lance import LanceIndex
from steelyard.retrieve.index.passage_index import PassageIndex, open_encoder
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.retrieve.index.vector_cache import VARIABLE, CachedEncoder
from steelyard.strategy.grounding import tokens_asked
from tests.model.endpoint import Reply, serving
from tests.retrieve.index.concepts import ConceptEncoder

KEY = "sk-secret-0123456789abcdef"
CONCEPTS = ConceptEncoder({"car": 0, "auto": 0, "dog": 1, "hound": 1})


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "vectors.db"))
    monkeypatch.setenv("STEELYARD_TRUST_FILE", str(tmp_path / "trust"))
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


def answer(request: dict[str, Any], _: int) -> Reply:
    rows = [{"embedding": vector.tolist()} for vector in CONCEPTS.encode(request["input"])]
    body = {"data": rows, "usage": {"prompt_tokens": 2, "total_tokens": 2}}
    return Reply(200, json.dumps(body), "application/json")


def test_a_saved_index_asks_its_endpoint_and_nothing_twice(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    passages = [Passage("an auto"), Passage("a hound")]
    with serving(answer) as endpoint:
        agree(key_use("OPENAI_API_KEY", endpoint.base_url))
        spec = ModelSpec("openai", "small", base_url=endpoint.base_url, max_in_flight=2)
        encoder = cached(EndpointEncoder(spec))
        PassageIndex.fit(passages, FinderSettings("dense"), encoder).save(folder)
        for _ in range(2):
            index = PassageIndex.load(folder)
            assert index.find(["dog", " "], 1)[0][0].passage == passages[1]
            assert index.find([" "], 1) == [[]]
    assert [request["input"] for request in endpoint.requests] == [["an auto", "a hound"], ["dog"]]
    assert KEY not in (folder / MANIFEST).read_text()


@pytest.mark.parametrize("kind", [PassageIndex, LanceIndex])
def test_questions_that_an_endpoint_encodes_are_counted_in_either_store(
    tmp_path: Path, kind: type[PassageIndex] | type[LanceIndex]
) -> None:
    pytest.importorskip("lancedb")
    passages = [Passage("an auto"), Passage("a hound")]
    with serving(answer) as endpoint:
        agree(key_use("OPENAI_API_KEY", endpoint.base_url))
        spec = ModelSpec("openai", "small", base_url=endpoint.base_url)
        for legs, tokens in (("convex", 2.0), ("bm25", None)):
            folder = tmp_path / legs
            folder.mkdir()
            encoder, settings = EndpointEncoder(spec), FinderSettings(legs)  # type: ignore[arg-type]
            if kind is LanceIndex:
                LanceIndex.fit(passages, folder, settings, encoder).save(folder)
            else:
                PassageIndex.fit(passages, settings, encoder).save(folder)
            index = kind.load(folder)
            index.find(["dog"], 1)
            count = tokens_asked(index)
            assert list(count.values()) == ([] if tokens is None else [tokens]), legs


def test_a_key_goes_nowhere_that_nobody_agreed_to(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    spec = ModelSpec(
        "openai", "small", base_url="http://127.0.0.1:9/v1", api_key_env="OPENAI_API_KEY"
    )
    recipe = {"model": spec.to_dict(), "dimensions": None}
    with pytest.raises(UntrustedKeyError):
        Opener("embeddings|openai|http://127.0.0.1:9/v1|small", recipe)()


def test_a_recipe_for_another_encoder_is_refused(tmp_path: Path) -> None:
    with serving(answer) as endpoint:
        agree(key_use("OPENAI_API_KEY", endpoint.base_url))
        spec = ModelSpec("openai", "small", base_url=endpoint.base_url)
        with pytest.raises(ModelError, match="index the documents again"):
            Opener("another", {"model": spec.to_dict(), "dimensions": None})()


def test_the_encoder_of_this_machine_is_asked_through_the_cache() -> None:
    encoder = open_encoder(lambda: CONCEPTS)
    assert isinstance(encoder, CachedEncoder)
    assert encoder.inner is CONCEPTS
    assert cached(encoder) is encoder
