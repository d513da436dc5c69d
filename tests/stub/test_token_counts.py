"""`POST /stub/tokenize` for versions that were registered from a checkpoint."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from bandplan.stub.inference import checkpoint_tokens
from bandplan.stub.inference.checkpoint_tokens import CannotCount
from tests.checkpoints import write_llama
from tests.stub.registering import mlmodel, registered
from tests.stub.stub_client import StubClient, bands

TEXT = "hello there"
"""The tokenizer of the checkpoint has a token for each of its 11 bytes; by the simulated rule it is hell|o| ther|e."""


def served(client: StubClient, name: str, folder: Path, *left_out: str) -> str:
    """An endpoint with a version that was logged with a tokenizer of its own folder; the version's name."""
    checkpoint = write_llama(folder)
    files = {
        "MLmodel": mlmodel(),
        "model/config.json": (checkpoint / "config.json").read_bytes(),
        "model/model.safetensors": (checkpoint / "model.safetensors").read_bytes(),
        "components/tokenizer/tokenizer_config.json": (checkpoint / "tokenizer_config.json").read_bytes(),
        "components/tokenizer/tokenizer.json": (checkpoint / "tokenizer.json").read_bytes(),
    }
    model = f"ml.chat.{name.replace('-', '_')}"
    version = registered(client, model, {key: data for key, data in files.items() if key not in left_out})
    client.create(name, bands(entity_name=model, entity_version=str(version)))
    return f"{model} v{version}"


def test_version_from_a_checkpoint_is_counted_by_its_tokenizer(client: StubClient, name: str, tmp_path: Path) -> None:
    version = served(client, name, tmp_path)
    assert client.ok("POST", "/stub/tokenize", {"model": name, "text": TEXT}) == {
        "model": name,
        "engine": "simulated",
        "tokens": 11,
        "is_exact": True,
        "counted_by": f"tokenizer.json of {version}",
    }


def test_checkpoint_without_a_tokenizer_file_is_counted_by_the_rule_and_says_why(
    client: StubClient, name: str, tmp_path: Path
) -> None:
    served(client, name, tmp_path, "components/tokenizer/tokenizer.json")
    counted = client.ok("POST", "/stub/tokenize", {"model": name, "text": TEXT})
    assert (counted["tokens"], counted["is_exact"]) == (4, False)
    assert counted["counted_by"] == "the simulated rule, because the version has no tokenizer.json"


def test_file_that_is_no_tokenizer_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CannotCount, match=r"its tokenizer\.json cannot be read"):
        asyncio.run(checkpoint_tokens.count(str(tmp_path), TEXT))


def test_environment_without_the_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_llama(tmp_path)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(CannotCount, match="the package tokenizers is not installed"):
        asyncio.run(checkpoint_tokens.count(str(tmp_path), TEXT))


def test_length_that_the_file_gives_to_every_text_is_not_that_of_the_text(tmp_path: Path) -> None:
    path = write_llama(tmp_path) / "tokenizer.json"
    cut = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    filled = {"strategy": {"Fixed": 128}, "direction": "Right", "pad_to_multiple_of": None}
    filled |= {"pad_id": 0, "pad_type_id": 0, "pad_token": "a"}
    path.write_text(json.dumps({**json.loads(path.read_text()), "truncation": cut, "padding": filled}))
    assert asyncio.run(checkpoint_tokens.count(str(tmp_path), TEXT)) == 11


def test_lone_surrogate_counts_as_a_question_mark(client: StubClient, name: str, tmp_path: Path) -> None:
    served(client, name, tmp_path)
    counted = [client.ok("POST", "/stub/tokenize", {"model": name, "text": text}) for text in ("a\ud800", "a?")]
    assert counted[0] == counted[1]
