"""Both ways to generate, in this process: ends, cancellation, and what a model without continuous batching gets."""

import asyncio
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bandplan.stub.inference.transformers_engine.worker import continuous, generating
from bandplan.stub.inference.transformers_engine.worker.choosing import choose
from bandplan.stub.inference.transformers_engine.worker.continuous import Unsupported
from bandplan.stub.inference.transformers_engine.worker.generating import Generator
from bandplan.stub.inference.transformers_engine.worker.model import Wanted, load
from bandplan.stub.inference.transformers_engine.worker.refusals import Failed, Refused
from bandplan.stub.inference.transformers_engine.worker.sampling import Sampling
from tests.torch import references
from tests.torch.conftest import CHECKPOINTS, Loop

PROMPT = [5, 110, 107, 114, 114, 117]
END_AT = 6
"""The end token of the checkpoint below is the one that is most likely after so many tokens."""

NO_LOGPROBS, LOGPROBS = {}, {"top_logprobs": 2}
"""The first goes through continuous batching, the second through `generate`."""


@pytest.fixture(scope="module")
def greedy(reference: Any) -> list[int]:
    return references.greedy(reference, PROMPT, 60)


@pytest.fixture(scope="module")
def generator(loop: Loop, greedy: list[int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generator]:
    folder = tmp_path_factory.mktemp("ends") / "tiny-llama"
    shutil.copytree(CHECKPOINTS / "tiny-llama", folder)
    assert greedy[END_AT] not in greedy[:END_AT]
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, greedy[END_AT]]}))
    made = Generator(load(Wanted(str(folder), device="cpu"), print), loop.loop)
    assert loop.run(made.start(1.0)).batching == "continuous"
    yield made
    made.close()


numbers = iter(range(1, 10_000))


async def answer(made: Generator, prompt: list[int] = PROMPT, **asked: Any) -> tuple[list[str], str]:
    tokens: list[Any] = []
    reason = await made.generate(next(numbers), prompt, {"temperature": 0, **asked}, tokens.append)
    return [token if isinstance(token, str) else token[0] for token in tokens], reason


@pytest.mark.parametrize("way", [NO_LOGPROBS, LOGPROBS], ids=["continuous", "batch"])
def test_answer_ends_before_an_end_token(
    generator: Generator, loop: Loop, greedy: list[int], tokenizer: Any, way: dict[str, Any]
) -> None:
    tokens, reason = loop.run(answer(generator, max_tokens=60, **way))
    assert (len(tokens), reason) == (END_AT, "stop")
    tokens, reason = loop.run(answer(generator, max_tokens=END_AT, **way))
    assert (tokens, reason) == (references.texts(tokenizer, greedy[:END_AT]), "length")


@pytest.mark.parametrize("way", [NO_LOGPROBS, LOGPROBS], ids=["continuous", "batch"])
def test_end_tokens_are_ignored_if_asked(
    generator: Generator, loop: Loop, greedy: list[int], tokenizer: Any, way: dict[str, Any]
) -> None:
    tokens, reason = loop.run(answer(generator, max_tokens=60, ignore_eos=True, **way))
    assert (tokens, reason) == (references.texts(tokenizer, greedy), "length")


def test_no_end_token_comes_before_the_least_length(generator: Generator, loop: Loop) -> None:
    tokens, _ = loop.run(answer(generator, max_tokens=60, min_tokens=20))
    assert len(tokens) >= 20


def test_batch_of_prompts_of_different_length_is_as_each_alone(
    generator: Generator, loop: Loop, reference: Any, tokenizer: Any
) -> None:
    prompts = [PROMPT, PROMPT[:2], PROMPT * 5, [7]]

    async def together() -> list[tuple[list[str], str]]:
        return await asyncio.gather(
            *(answer(generator, prompt, max_tokens=30, ignore_eos=True, **LOGPROBS) for prompt in prompts)
        )

    for prompt, (tokens, _) in zip(prompts, loop.run(together()), strict=True):
        assert tokens == references.texts(tokenizer, references.greedy(reference, prompt, 30))


def test_cancelled_answer_frees_its_cache(generator: Generator, loop: Loop) -> None:
    processor = generator._continuous._manager.batch_processor  # type: ignore[union-attr]

    async def cancel() -> None:
        tokens: list[Any] = []
        asked = {"max_tokens": 200, "ignore_eos": True, "temperature": 0}
        task = asyncio.create_task(generator.generate(next(numbers), PROMPT, asked, tokens.append))
        while len(tokens) < 3:
            await asyncio.sleep(0.001)
        assert processor.scheduler.active_requests
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        while processor.scheduler.active_requests:
            await asyncio.sleep(0.005)
        assert len(tokens) < 200

    # The cache's own name for what is free differs between releases of the library.
    cache = processor.cache
    free = getattr(cache, "get_num_free_blocks", None) or cache.compute_free_capacity
    before = free()
    loop.run(cancel())
    assert free() == before
    assert not generator._continuous._manager.output_router.result_handlers  # type: ignore[union-attr]


@pytest.mark.parametrize("prompt", [[], [5, 262], [10**6]], ids=["empty", "one too many", "far too many"])
def test_prompt_that_the_weights_cannot_continue_is_refused_and_ends_nothing(
    generator: Generator, loop: Loop, prompt: list[int]
) -> None:
    with pytest.raises(Refused):
        loop.run(answer(generator, prompt, max_tokens=3))
    assert loop.run(answer(generator, max_tokens=3, ignore_eos=True))[1] == "length"


@pytest.mark.parametrize("temperature", [1e-45, 1e-30, 0.009])
@pytest.mark.parametrize("way", [NO_LOGPROBS, LOGPROBS], ids=["continuous", "batch"])
def test_next_to_no_temperature_is_none(
    generator: Generator, loop: Loop, greedy: list[int], tokenizer: Any, temperature: float, way: dict[str, Any]
) -> None:
    tokens, _ = loop.run(answer(generator, max_tokens=60, ignore_eos=True, temperature=temperature, **way))
    assert tokens == references.texts(tokenizer, greedy)
    assert not generator.has_died


def test_answers_beyond_the_cache_end_nothing_and_are_right(
    loop: Loop, reference: Any, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(CHECKPOINTS / "tiny-llama", tmp_path / "tiny-llama"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 2048}))
    monkeypatch.setattr(continuous, "CPU_CACHE_BYTES", 1)  # the least: 16 blocks of 32 tokens
    made = Generator(load(Wanted(str(folder), device="cpu"), print), loop.loop)
    assert loop.run(made.start(1.0)).batching == "continuous"

    async def all_at_once() -> list[tuple[list[str], str]]:
        # Six of 260 tokens each do not fit together; the last two not even alone.
        prompts = [(PROMPT * 10, 200)] * 6 + [(PROMPT * 90, 20), (PROMPT, 600)]
        return await asyncio.gather(
            *(answer(made, prompt, max_tokens=most, ignore_eos=True) for prompt, most in prompts)
        )

    try:
        answers = loop.run(all_at_once())
        assert [(len(tokens), reason) for tokens, reason in answers] == [(200, "length")] * 6 + [
            (20, "length"),
            (600, "length"),
        ]
        assert not made.has_died
        assert answers[0][0][:20] == references.texts(tokenizer, references.greedy(reference, PROMPT * 10, 21))[:20]
    finally:
        made.close()


def test_requests_that_come_and_go_leave_nothing_behind(generator: Generator, loop: Loop) -> None:
    drawn = random.Random(7)

    async def one() -> None:
        asked = {
            "max_tokens": drawn.randint(1, 60),
            "ignore_eos": drawn.random() < 0.7,
            "min_tokens": drawn.choice([0, 0, 0, 1]),
            "temperature": drawn.choice([0, 0.5, 1.0]),
            "top_p": drawn.choice([None, 0.5]),
            "seed": drawn.choice([None, None, 3]),
            "top_logprobs": drawn.choice([None, None, None, 2]),
        }
        prompt = [drawn.randrange(6, 262) for _ in range(drawn.randint(1, 100))]
        asking = asyncio.create_task(generator.generate(next(numbers), prompt, asked, lambda token: None))
        if drawn.random() < 0.4:
            await asyncio.sleep(drawn.random() * 0.1)
            asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert asking.cancelled() or asking.result() in ("stop", "length")

    async def all_of_them() -> None:
        for _ in range(4):
            await asyncio.gather(*(one() for _ in range(40)))
        processor = generator._continuous._manager.batch_processor  # type: ignore[union-attr]
        while processor.scheduler.active_requests or processor.scheduler.waiting_requests:
            await asyncio.sleep(0.01)

    loop.run(all_of_them())
    assert generator._batches._rows == {}
    assert generator._continuous._names == {}  # type: ignore[union-attr]
    assert not generator.has_died


def test_model_without_continuous_batching_is_served_by_generate(
    loop: Loop, reference: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*arguments: object) -> None:
        raise Unsupported("no paged attention for this model")

    monkeypatch.setattr(generating, "Continuous", unsupported)
    made = Generator(load(Wanted(str(CHECKPOINTS / "tiny-llama"), device="cpu"), print), loop.loop)
    speed = loop.run(made.start(1.0))
    assert speed.batching.startswith("batches of generate, because ")
    assert speed.batching.endswith(": no paged attention for this model")
    assert speed.tokens_per_second is not None

    async def all_at_once() -> list[tuple[list[str], str]]:
        prompts = [[*PROMPT, 100 + number] for number in range(32)]
        return await asyncio.gather(*(answer(made, prompt, max_tokens=20, ignore_eos=True) for prompt in prompts))

    for number, (tokens, reason) in enumerate(loop.run(all_at_once())):
        wanted = references.greedy(reference, [*PROMPT, 100 + number], 20)
        assert (tokens, reason) == (references.texts(tokenizer, wanted), "length")
    assert not made.has_died


def random_weights(folder: Path, **config: Any) -> Wanted:
    """A model of another family, drawn at random, with dimensions that take no time."""
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 300}
    (folder / "config.json").write_text(json.dumps({**small, "max_position_embeddings": 256, **config}))
    return Wanted(str(folder), is_random=True, device="cpu")


LATENT = {
    "model_type": "deepseek_v3", "intermediate_size": 64, "num_key_value_heads": 4, "n_routed_experts": 4,
    "num_experts_per_tok": 2, "kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8,
    "v_head_dim": 8, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 16, "first_k_dense_replace": 1,
}  # fmt: skip
"""Its cache has another shape, which the library notices at the first query."""

WINDOW = {
    "model_type": "mistral",
    "intermediate_size": 64,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "sliding_window": 16,
}
EAGER = {
    "model_type": "gpt_oss", "intermediate_size": 64, "num_key_value_heads": 2, "head_dim": 8, "sliding_window": 16,
    "num_local_experts": 4, "num_experts_per_tok": 2, "eos_token_id": 200002,
}  # fmt: skip
"""Has no attention of torch's own, and an end token beyond this small vocabulary."""

BIASED = {"model_type": "mpt", "d_model": 32, "n_heads": 4, "n_layers": 2}
"""Its positions are a bias of the attention, which continuous batching leaves out without a word."""


@pytest.mark.parametrize("config", [LATENT, WINDOW, EAGER, BIASED], ids=lambda config: config["model_type"])
def test_other_families_get_the_same_tokens_either_way(loop: Loop, tmp_path: Path, config: dict[str, Any]) -> None:
    torch.manual_seed(0)
    loaded = load(random_weights(tmp_path, **config), print)
    with torch.no_grad():
        for one in loaded.model.parameters():
            if one.ndim > 1:
                one.mul_(10)  # drawn small, all tokens would be about as likely, and none of them wrong
    plain = loaded.second()
    made = Generator(loaded, loop.loop)
    prompts = [list(range(5, 5 + length)) for length in (3, 30)]
    try:
        speed = loop.run(made.start(1.0))
        assert (speed.batching == "continuous") == (config in (WINDOW, EAGER)), speed.batching
        for prompt in prompts:
            wanted = [loaded.prompts.decode([one]) for one in references.greedy(plain, prompt, 20)]
            for way in (NO_LOGPROBS, LOGPROBS):
                assert loop.run(answer(made, prompt, max_tokens=20, ignore_eos=True, **way))[0] == wanted
    finally:
        made.close()


@pytest.mark.parametrize("fails_at", ["its load", "the first query"])
def test_attention_that_fails_is_replaced_by_the_own_one(
    loop: Loop, tokenizer: Any, greedy: list[int], monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    loaded = load(Wanted(str(CHECKPOINTS / "tiny-llama"), device="cpu"), print)
    monkeypatch.setattr(generating, "attentions", lambda model: (None, "paged|sdpa"))
    init, asked = loaded.model.init_continuous_batching, list[str]()

    def failing(*arguments: object) -> None:
        raise RuntimeError("this attention takes no such numbers")

    def with_a_fault(**arguments: Any) -> Any:
        asked.append(loaded.model.config._attn_implementation)
        if len(asked) > 1:
            return init(**arguments)
        if fails_at == "its load":
            raise OSError("the kernel cannot be downloaded")
        manager = init(**arguments)
        start = manager.start

        def start_with_a_fault() -> None:
            manager.batch_processor._generation_step = failing
            start()

        manager.start = start_with_a_fault
        return manager

    monkeypatch.setattr(loaded.model, "init_continuous_batching", with_a_fault)
    made = Generator(loaded, loop.loop)
    try:
        assert loop.run(made.start(1.0)).batching == "continuous"
        assert asked == ["sdpa", "paged|sdpa"]
        tokens, _ = loop.run(answer(made, max_tokens=60, ignore_eos=True))
        assert tokens == references.texts(tokenizer, greedy)
    finally:
        made.close()


class Placed:
    """A model of some numbers on some device."""

    def __init__(self, device: str, dtype: torch.dtype) -> None:
        self.device, self.dtype = torch.device(device), dtype
        self.config = type("Config", (), {"_attn_implementation": "sdpa"})


@pytest.mark.parametrize(
    ("model", "tried"),
    [
        (Placed("cpu", torch.float32), (None,)),
        (Placed("cuda", torch.bfloat16), (None, "paged|sdpa")),
        (Placed("cuda", torch.float32), ("paged|sdpa",)),  # flash attention takes 16-bit numbers only
    ],
)
def test_attention_of_the_library_is_tried_first_where_it_can_be_faster(
    model: Any, tried: tuple[str | None, ...]
) -> None:
    assert continuous.attentions(model) == tried


def test_error_of_the_model_fails_the_requests_of_its_batch_alone(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Generator(load(Wanted(str(CHECKPOINTS / "tiny-llama"), device="cpu"), print), loop.loop)
    with monkeypatch.context() as patch:
        patch.setattr(made._batches.model, "generate", lambda **_: (_ for _ in ()).throw(torch.OutOfMemoryError("x")))
        with pytest.raises(Failed, match="the GPU has no memory left"):
            loop.run(answer(made, max_tokens=3))
    assert loop.run(answer(made, max_tokens=3, ignore_eos=True))[1] == "length"


def test_thread_of_continuous_batching_that_dies_is_noticed(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Generator(load(Wanted(str(CHECKPOINTS / "tiny-llama"), device="cpu"), print), loop.loop)
    loop.run(made.start(1.0))
    assert made._continuous is not None
    assert not made.has_died

    def full(*arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(made._continuous._manager.batch_processor, "_generation_step", full)
    with pytest.raises(Failed, match="the GPU has no memory left"):
        loop.run(answer(made, max_tokens=3))
    made._continuous._manager._generation_thread.join(10)
    assert made.has_died


SHARES = torch.log(torch.tensor([0.5, 0.3, 0.2]))


@pytest.mark.parametrize(
    ("sampling", "allowed"),
    [
        ({"temperature": 0.0}, {0}),
        ({"top_p": 0.4}, {0}),
        ({"top_p": 0.6}, {0, 1}),  # the first has 0.5, less than 0.6
        ({"top_p": 1.0}, {0, 1, 2}),
        ({"temperature": 0.01}, {0}),
    ],
)
def test_tokens_are_drawn_from_the_likely_ones(sampling: dict[str, float], allowed: set[int]) -> None:
    generator = torch.Generator().manual_seed(0)
    wanted = Sampling(most_tokens=1, end_tokens=frozenset(), **sampling)  # type: ignore[arg-type]
    assert {choose(SHARES, wanted, 0, generator).token for _ in range(200)} == allowed


def test_tokens_are_drawn_by_their_shares() -> None:
    generator = torch.Generator().manual_seed(0)
    wanted = Sampling(most_tokens=1, end_tokens=frozenset())
    drawn = [choose(SHARES, wanted, 0, generator).token for _ in range(4000)]
    # The standard deviation of a share of 0.3 in 4,000 draws is 0.007.
    assert drawn.count(1) / 4000 == pytest.approx(0.3, abs=0.03)


def test_end_token_is_not_chosen_too_early() -> None:
    wanted = Sampling(most_tokens=9, end_tokens=frozenset({0}), least_tokens=2, temperature=0.0, alternatives=1)
    early, late = choose(SHARES, wanted, 1), choose(SHARES, wanted, 2)
    assert (early.token, late.token) == (1, 0)
    assert early.logprob == pytest.approx(float(SHARES[1]))
    assert early.alternatives == ((0, pytest.approx(float(SHARES[0]))),)
