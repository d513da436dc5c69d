"""What is found in a checkpoint before torch is loaded, and texts from tokens: no torch in this file."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandplan.stub.inference import tokens
from bandplan.stub.inference.transformers_engine.weights import Weights
from bandplan.stub.inference.transformers_engine.worker.prompts import StandInPrompts
from bandplan.stub.inference.transformers_engine.worker.texts import TextStream
from tests.checkpoints import write_llama
from tests.unhurried import UNHURRIED


def test_complete_checkpoint_has_no_problem(tmp_path: Path) -> None:
    write_llama(tmp_path)
    assert Weights(str(tmp_path)).problem() is None


def test_id_is_left_to_the_library() -> None:
    assert Weights("meta-llama/Llama-3.2-1B-Instruct").folder is None
    assert Weights("meta-llama/Llama-3.2-1B-Instruct").problem() is None


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: (folder / "config.json").write_text("[1]"), "config.json: cannot be read as a JSON object"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "model.bin"),
            "pickled weights are never loaded",
        ),
    ],
)
def test_spoiled_checkpoint_is_told(tmp_path: Path, spoil: object, finding: str) -> None:
    write_llama(tmp_path)
    spoil(tmp_path)  # type: ignore[operator]
    problem = Weights(str(tmp_path)).problem()
    assert problem is not None
    assert problem.startswith(str(tmp_path))
    assert finding in problem


def test_folder_that_is_none_is_told(tmp_path: Path) -> None:
    assert "is not a folder" in (Weights(str(tmp_path / "absent")).problem() or "")


def test_random_weights_need_a_config_only(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert Weights(str(tmp_path), is_random=True).problem() is None
    assert Weights(str(tmp_path)).problem() is not None


def of_bytes(ids: Sequence[int]) -> str:
    return bytes(ids).decode("utf-8", "replace")


@UNHURRIED
@given(st.text(min_size=1))
def test_texts_of_single_bytes_are_the_whole_text_and_never_part_of_a_character(text: str) -> None:
    if "\ufffd" in text:
        return
    encoded = text.encode("utf-8", "replace")
    stream = TextStream(of_bytes)
    parts = [stream.add(byte, is_last=at == len(encoded) - 1) for at, byte in enumerate(encoded)]
    assert "".join(parts) == encoded.decode()
    assert "\ufffd" not in "".join(parts)


def test_bytes_that_are_no_text_are_given_after_four_and_at_the_end() -> None:
    stream = TextStream(of_bytes)
    assert [stream.add(0xFF) for _ in range(4)] == ["", "", "", "\ufffd" * 4]
    assert stream.add(0xFF, is_last=True) == "\ufffd"


def test_text_depends_on_the_token_before() -> None:
    # As in sentencepiece: the white space of a word is left out at the beginning of what is decoded.
    def decode(ids: Sequence[int]) -> str:
        return "".join(f" {'ab'[one]}" for one in ids).lstrip()

    stream = TextStream(decode)
    assert [stream.add(0), stream.add(1), stream.add(0)] == ["a", " b", " a"]


def test_stand_in_counts_as_the_simulated_engine_does() -> None:
    prompts = StandInPrompts(vocabulary=100)
    assert len(prompts.of_text("Hello, world")) == tokens.count("Hello, world") == 5
    assert len(prompts.of_chat((("user", "Hello, world"), ("assistant", "ab")))) == 4 + 5 + 4 + 1
    assert all(0 <= one < 100 for one in prompts.of_text("Hello, world"))
    assert prompts.decode([3, 4096]) == " w3 w0"
