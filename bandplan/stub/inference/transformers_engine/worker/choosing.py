"""Choose the next token of one answer from the scores of the model."""

from typing import Any

import torch

from bandplan.stub.inference.transformers_engine.worker.sampling import Chosen, Sampling


def choose(logits: Any, sampling: Sampling, given: int, generator: Any = None) -> Chosen:
    """Return the next token after `given` ones; `logits` is a vector over the vocabulary."""
    logits = logits.float()
    allowed = logits
    if given < sampling.least_tokens and sampling.end_tokens:
        allowed = logits.clone()
        allowed[sorted(sampling.end_tokens)] = float("-inf")
    token = int(_pick(allowed, sampling, generator))
    if sampling.alternatives is None:
        return Chosen(token)
    logprobs = torch.log_softmax(logits, dim=-1)
    alternatives: tuple[tuple[int, float], ...] = ()
    if sampling.alternatives:
        values, ids = torch.topk(logprobs, min(sampling.alternatives, len(logprobs)))
        alternatives = tuple(zip(ids.tolist(), values.tolist(), strict=True))
    return Chosen(token, float(logprobs[token]), alternatives)


def _pick(logits: Any, sampling: Sampling, generator: Any) -> Any:
    if sampling.temperature == 0:
        return torch.argmax(logits)
    probabilities = torch.softmax(logits / sampling.temperature, dim=-1)
    if sampling.top_p < 1:
        ranked, ids = torch.sort(probabilities, descending=True)
        # A token is out if those before it already have the wanted share; the first never is.
        is_out = torch.cumsum(ranked, dim=-1) - ranked >= sampling.top_p
        is_out[0] = False
        return ids[torch.multinomial(ranked.masked_fill(is_out, 0.0), 1, generator=generator)]
    return torch.multinomial(probabilities, 1, generator=generator)
