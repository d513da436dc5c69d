"""What is loaded, and what is refused with one line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from bandplan.stub.inference.transformers_engine.worker import model
from bandplan.stub.inference.transformers_engine.worker.embedding import pooling_of
from bandplan.stub.inference.transformers_engine.worker.model import Unusable, Wanted, load
from bandplan.stub.inference.transformers_engine.worker.prompts import StandInPrompts
from bandplan.stub.inference.transformers_engine.worker.refusals import Refused
from tests.torch.conftest import CHECKPOINTS


def told(progress: str) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CHECKPOINTS / "tiny-llama", tmp_path / "tiny-llama"))


def edit(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_random_weights_need_a_config_alone(tmp_path: Path) -> None:
    shutil.copy(CHECKPOINTS / "tiny-llama" / "config.json", tmp_path)
    first, second = (load(Wanted(str(tmp_path), is_random=True, device="cpu"), told) for _ in range(2))
    assert isinstance(first.prompts, StandInPrompts)
    assert not torch.equal(first.model.lm_head.weight, second.model.lm_head.weight)  # type: ignore[union-attr]
    assert first.weights_bytes == sum(one.numel() * 4 for one in second.model.parameters())
    assert first.context_tokens == 256


def test_second_model_shares_the_weights_and_not_the_configuration(folder: Path) -> None:
    loaded = load(Wanted(str(folder), device="cpu"), told)
    second = loaded.second()
    assert second.lm_head.weight is loaded.model.lm_head.weight  # type: ignore[union-attr]
    assert second.config is not loaded.model.config


def test_sampling_of_the_checkpoint_is_the_default(folder: Path) -> None:
    assert (load(Wanted(str(folder), device="cpu"), told).temperature, load(Wanted(str(folder)), told).top_p) == (
        1.0,
        1.0,
    )
    edit(folder / "generation_config.json", temperature=0.6, top_p=0.9, top_k=40, do_sample=True, eos_token_id=[2, 7])
    loaded = load(Wanted(str(folder), device="cpu"), told)
    assert (loaded.temperature, loaded.top_p, loaded.top_k) == (0.6, 0.9, 40)
    assert loaded.end_tokens == {2, 7}


def test_smaller_context_is_kept_to(folder: Path) -> None:
    assert load(Wanted(str(folder), device="cpu", context_tokens=100), told).context_tokens == 100
    assert load(Wanted(str(folder), device="cpu", context_tokens=1000), told).context_tokens == 256


def test_checkpoint_without_a_template_serves_completions_only(folder: Path) -> None:
    edit(folder / "tokenizer_config.json", chat_template=None)
    loaded = load(Wanted(str(folder), device="cpu"), told)
    assert loaded.prompts.of_text("hello")
    with pytest.raises(Refused, match="the checkpoint has no chat template"):
        loaded.prompts.of_chat((("user", "hello"),))


def test_refusal_of_the_template_is_passed_on(folder: Path) -> None:
    template = "{{ raise_exception('roles must alternate') }}"
    edit(folder / "tokenizer_config.json", chat_template=template)
    with pytest.raises(Refused, match="the chat template of the checkpoint refused the messages: roles must alternate"):
        load(Wanted(str(folder), device="cpu"), told).prompts.of_chat((("user", "hello"),))


def test_lone_surrogates_become_question_marks() -> None:
    prompts = load(Wanted(str(CHECKPOINTS / "tiny-llama"), device="cpu"), told).prompts
    assert prompts.of_text("a\ud800b") == prompts.of_text("a?b")
    assert prompts.of_chat((("user", "a\ud800b"),)) == prompts.of_chat((("user", "a?b"),))


def test_weights_that_do_not_fit_are_refused_before_they_are_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 10,736 numbers of 4 bytes: 262 x 16 twice, 2 norms and a last one of 16, 768 for attention, 3 x 512.
    monkeypatch.setattr(model, "_free_memory", lambda: 10_000)
    with pytest.raises(Unusable, match=r"not enough memory: the weights take 0\.0 GB as float32"):
        load(Wanted(str(folder), device="cpu"), told)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "cannot be loaded: "),
        (lambda folder: edit(folder / "config.json", model_type="unheard-of"), "cannot be loaded: ValueError"),
        (
            lambda folder: edit(
                folder / "config.json", model_type="unheard-of", auto_map={"AutoConfig": "code.Config"}
            ),
            "needs code of its own, which is never run",
        ),
        (lambda folder: (folder / "tokenizer.json").write_text("x"), "has no usable tokenizer"),
    ],
)
def test_spoiled_checkpoint_is_refused_in_one_line(folder: Path, spoil: Any, message: str) -> None:
    spoil(folder)
    with pytest.raises(Unusable, match=message) as refused:
        load(Wanted(str(folder), device="cpu"), told)
    assert "\n" not in str(refused.value)


def test_pickled_weights_are_never_loaded(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(Unusable, match="cannot be loaded"):
        load(Wanted(str(folder), device="cpu"), told)


def test_embedding_model_generates_nothing() -> None:
    with pytest.raises(Unusable, match="bert models generate no text; serve it for embeddings"):
        load(Wanted(str(CHECKPOINTS / "tiny-gte"), device="cpu"), told)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_gpu_that_is_absent_is_told() -> None:
    with pytest.raises(Unusable, match="sees no GPU; use the device cpu"):
        load(Wanted(str(CHECKPOINTS / "tiny-llama"), device="cuda"), told)


@pytest.mark.parametrize(
    ("stated", "pooling"),
    [({"pooling_mode_mean_tokens": True}, "mean"), ({"pooling_mode_lasttoken": True}, "last"), ({}, "first")],
)
def test_pooling_is_that_of_the_checkpoint(tmp_path: Path, stated: dict[str, bool], pooling: str) -> None:
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(stated))
    loaded = load(Wanted(str(CHECKPOINTS / "tiny-gte"), is_embedding=True, device="cpu"), told)
    assert pooling_of(str(tmp_path), loaded.model.config) == pooling
