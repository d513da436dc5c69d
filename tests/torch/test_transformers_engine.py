"""The engine as the stub uses it, with its child process."""

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub.inference.engine import Embedding, Generation, Message, Token
from bandplan.stub.inference.errors import EngineRefused
from bandplan.stub.inference.transformers_engine.engine import TransformersEngine
from bandplan.stub.inference.transformers_engine.weights import Weights
from tests.torch import references
from tests.torch.conftest import CHECKPOINTS, Loop

LENGTH = 40


@pytest.fixture(scope="module")
def chat(loop: Loop) -> Iterator[TransformersEngine]:
    made = TransformersEngine(Weights(str(CHECKPOINTS / "tiny-llama")), device="cpu")
    loop.run(made.start(print))
    yield made
    loop.run(made.close())


def asked(words: str, **fields: Any) -> Generation:
    return Generation("m", (Message("user", words),), **{"max_tokens": LENGTH, "ignore_eos": True, **fields})


async def answer(made: TransformersEngine, generation: Generation) -> tuple[list[Token], str | None]:
    tokens, reason = [], None
    async for batch in made.generate(generation):
        tokens += batch.tokens
        reason = batch.finish_reason
    return tokens, reason


def prompt_of(tokenizer: Any, words: str) -> list[int]:
    rows = [{"role": "user", "content": words}]
    return list(tokenizer.apply_chat_template(rows, add_generation_prompt=True, tokenize=True, return_dict=False))


def test_child_says_where_it_runs_and_how_slow_that_is(chat: TransformersEngine) -> None:
    assert chat.found["batching"] == "continuous"
    assert chat.found["is_cpu"]
    assert chat.context_tokens == 256
    assert chat.note.startswith("CPU, float32; ")
    assert chat.note.endswith(" tokens/s for one request")


def test_prompts_are_counted_by_the_tokenizer(chat: TransformersEngine, loop: Loop, tokenizer: Any) -> None:
    words = "Größe 12, ok?"
    assert loop.run(chat.count((Message("user", words),))) == len(prompt_of(tokenizer, words))
    assert loop.run(chat.count_text(words)) == len(tokenizer(words)["input_ids"])


def test_most_likely_tokens_are_those_of_generate(
    chat: TransformersEngine, loop: Loop, reference: Any, tokenizer: Any
) -> None:
    for words in ("hello", "a much longer prompt, with 17 words or so; " * 3):
        wanted = references.greedy(reference, prompt_of(tokenizer, words), LENGTH)
        tokens, reason = loop.run(answer(chat, asked(words, temperature=0)))
        assert [token.text for token in tokens] == references.texts(tokenizer, wanted)
        assert reason == "length"


def test_bare_prompt_has_no_template(chat: TransformersEngine, loop: Loop, reference: Any, tokenizer: Any) -> None:
    wanted = references.greedy(reference, tokenizer("hello")["input_ids"], LENGTH)
    tokens, _ = loop.run(answer(chat, asked("hello", temperature=0, is_prompt=True)))
    assert [token.text for token in tokens] == references.texts(tokenizer, wanted)


def test_32_at_once_are_each_as_if_alone(chat: TransformersEngine, loop: Loop, reference: Any, tokenizer: Any) -> None:
    async def all_at_once() -> list[tuple[list[Token], str | None]]:
        return await asyncio.gather(*(answer(chat, asked(f"{number} hello", temperature=0)) for number in range(32)))

    for number, (tokens, _) in enumerate(loop.run(all_at_once())):
        wanted = references.greedy(reference, prompt_of(tokenizer, f"{number} hello"), LENGTH)
        assert [token.text for token in tokens] == references.texts(tokenizer, wanted)


def test_log_probabilities_and_alternatives_are_those_of_the_model(
    chat: TransformersEngine, loop: Loop, reference: Any, tokenizer: Any
) -> None:
    prompt = prompt_of(tokenizer, "hello")
    ids = references.greedy(reference, prompt, LENGTH)
    wanted = references.logprobs(reference, prompt, ids)
    tokens, _ = loop.run(answer(chat, asked("hello", temperature=0, top_logprobs=4)))
    assert [token.text for token in tokens] == references.texts(tokenizer, ids)
    for token, token_id, row in zip(tokens, ids, wanted, strict=True):
        assert token.logprob == pytest.approx(float(row[token_id]), abs=1e-4)
        assert [value for _, value in token.alternatives] == pytest.approx(row.topk(4).values.tolist(), abs=1e-4)
        assert token.alternatives[0][0] == token.text
    alone, _ = loop.run(answer(chat, asked("hello", temperature=0, top_logprobs=0)))
    assert [token.alternatives for token in alone] == [()] * LENGTH


def test_log_probabilities_do_not_depend_on_the_temperature(chat: TransformersEngine, loop: Loop) -> None:
    (first,), _ = loop.run(answer(chat, asked("hello", temperature=2.0, seed=1, top_logprobs=20, max_tokens=1)))
    (second,), _ = loop.run(answer(chat, asked("hello", temperature=0, top_logprobs=20, max_tokens=1)))
    assert [value for _, value in first.alternatives] == pytest.approx([value for _, value in second.alternatives])


def test_seed_gives_the_same_answer_again_and_choices_differ(chat: TransformersEngine, loop: Loop) -> None:
    def drawn(**fields: Any) -> list[str]:
        return [token.text for token in loop.run(answer(chat, asked("hello", temperature=1.0, **fields)))[0]]

    assert drawn(seed=7) == drawn(seed=7)
    assert drawn(seed=7) != drawn(seed=8)
    assert drawn(seed=7) != drawn(seed=7, choice=1)
    assert drawn() != drawn()


def test_sampled_answers_do_not_disturb_the_others(chat: TransformersEngine, loop: Loop) -> None:
    async def mixed() -> list[list[str]]:
        wanted = [
            asked("hello", temperature=0),
            asked("hello", temperature=1.5),
            asked("hello", temperature=0),
            asked("hello", temperature=1.0, top_p=0.0001),
            asked("hello", temperature=1.0, top_p=0.5),
        ]
        return [
            [token.text for token in made[0]] for made in await asyncio.gather(*(answer(chat, one) for one in wanted))
        ]

    greedy, hot, again, narrow, wide = loop.run(mixed())
    assert greedy == again == narrow
    assert hot != greedy
    assert wide != greedy


def test_answers_end_at_the_context_of_the_weights(chat: TransformersEngine, loop: Loop) -> None:
    prompt = loop.run(chat.count((Message("user", "hello"),)))
    tokens, reason = loop.run(answer(chat, asked("hello", max_tokens=4096)))
    assert (len(tokens), reason) == (256 - prompt, "length")


def test_prompt_longer_than_the_context_is_refused(chat: TransformersEngine, loop: Loop) -> None:
    with pytest.raises(EngineRefused, match=r"the prompt has \d+ tokens; the weights in use have a context of 256"):
        loop.run(answer(chat, asked("hello " * 100)))


def test_abandoned_answers_leave_nothing_behind(chat: TransformersEngine, loop: Loop) -> None:
    async def abandon(**fields: Any) -> None:
        endless = asyncio.create_task(answer(chat, asked("hello", max_tokens=240, **fields)))
        before = chat.stats().generated_tokens
        while chat.stats().generated_tokens < before + 3:
            await asyncio.sleep(0.001)
        endless.cancel()
        await asyncio.gather(endless, return_exceptions=True)

    for fields in ({}, {"top_logprobs": 0}):
        loop.run(abandon(**fields))
        assert chat.stats().running == 0
        counted = chat.stats().generated_tokens
        loop.run(asyncio.sleep(0.2))
        assert chat.stats().generated_tokens == counted


def test_embeddings_are_those_of_a_direct_call(loop: Loop) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = str(CHECKPOINTS / "tiny-gte")
    texts = ["hello", "a longer text, to be padded", "x"]
    made = TransformersEngine(Weights(folder, is_embedding=True), device="cpu")
    try:
        loop.run(made.start(print))
        plain = loop.run(made.embed(Embedding("m", 16, normalised=False), texts)).vectors
        unit = loop.run(made.embed(Embedding("m", 16, normalised=True), texts)).vectors
        with pytest.raises(EngineRefused, match=r"a text has .* tokens; the weights in use have a context of 64"):
            loop.run(made.embed(Embedding("m", 16, normalised=True), ["word " * 100]))
    finally:
        loop.run(made.close())
    model, tokenizer = (
        AutoModel.from_pretrained(folder, dtype=torch.float32).eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    for text, vector, of_length_1 in zip(texts, plain, unit, strict=True):
        with torch.inference_mode():
            wanted = model(**tokenizer([text], return_tensors="pt")).last_hidden_state[0, 0]
        assert vector == pytest.approx(wanted.tolist(), abs=1e-5)
        assert of_length_1 == pytest.approx((wanted / wanted.norm()).tolist(), abs=1e-5)
        assert math.hypot(*of_length_1) == pytest.approx(1.0, abs=1e-6)


def test_folder_without_files_is_told_before_a_process_starts(loop: Loop, tmp_path: Path) -> None:
    from bandplan.stub.inference.errors import EngineUnavailable

    with pytest.raises(EngineUnavailable, match=r"has no config\.json"):
        loop.run(TransformersEngine(Weights(str(tmp_path))).start(print))
