"""What transformers itself gives, called directly, and the texts that an engine has to give for it."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import GenerationConfig

from bandplan.stub.inference.transformers_engine.worker.texts import TextStream


def greedy(model: Any, prompt: list[int], count: int) -> list[int]:
    """The `count` most likely tokens after a prompt, whatever ends there are."""
    config = GenerationConfig(max_new_tokens=count, do_sample=False, pad_token_id=0)
    with torch.inference_mode():
        model.generation_config.eos_token_id = None
        out = model.generate(torch.tensor([prompt]), generation_config=config)
    return list(out[0, len(prompt) :].tolist())


def texts(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    stream = TextStream(lambda some: str(tokenizer.decode(some, skip_special_tokens=True)))
    return [stream.add(one, is_last=at == len(ids) - 1) for at, one in enumerate(ids)]


def logprobs(model: Any, prompt: list[int], ids: list[int]) -> Any:
    """The log probabilities of the whole vocabulary in the place of each of `ids`."""
    with torch.inference_mode():
        scores = model(torch.tensor([prompt + ids])).logits[0]
    return torch.log_softmax(scores, dim=-1)[len(prompt) - 1 : -1]
