"""The embeddings task (llm/v1/embeddings): texts in, one vector each out."""

import uuid

from stub.api.answers import Answer
from stub.api.requests import Json
from stub.inference.engine import Engine
from stub.state.refusals import Invalid

MAX_INPUTS = 150
"""Texts in one request; a guess at the platform's limit, here to bound the work of one request."""


async def answer(body: Json, model: str, engine: Engine, normalised: bool, headers: dict[str, str]) -> Answer:
    """Answer an embeddings request; `model` is the served entity's name. Raises Invalid.

    Vectors are arrays of numbers even when the OpenAI client asks for base64; it takes both.
    """
    texts = read_inputs(body.get("input"), "input")
    vectors = await engine.embed(model, texts, normalised)
    prompt_tokens = sum(engine.count_tokens(text) for text in texts)
    return Answer(
        {
            "id": f"embd_{uuid.uuid4()}",
            "object": "list",
            "model": model,
            "data": [
                {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)
            ],
            "usage": {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens},
        },
        headers=headers,
    )


def read_inputs(value: object, place: str) -> list[str]:
    """One text or a list of texts."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise Invalid(f"{place}: must be a string or a list of strings.")
    if len(texts) > MAX_INPUTS:
        raise Invalid(f"{place}: {len(texts)} texts; one request takes at most {MAX_INPUTS}.")
    return texts
