"""The embeddings task (llm/v1/embeddings): texts in, one vector per text out.

An `instruction` comes before each text, as the authors of BGE use it; how the platform joins the two is not published.
"""

import base64
import struct
import uuid

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.queries.target import Target
from bandplan.stub.api.requests import text
from bandplan.stub.inference.engine import Embedding
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid

MAX_INPUTS = 150
"""Maximum number of texts in one request, also of prompts for completions, to bound its work; a guess at the platform's
limit for embeddings, and a choice of ours for prompts, of which it publishes none."""


async def answer(body: Json, embedding: Embedding, target: Target) -> Answer:
    """Answer an embeddings request. Raises Invalid, and BadRequest if a text is too long for the model."""
    texts = read_inputs(body.get("input"), "input")
    if instruction := text(body, "instruction"):
        texts = [f"{instruction.rstrip()} {one}" for one in texts]
    encoding = text(body, "encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise Invalid("encoding_format: must be float or base64.")
    prompt_tokens = await count_inputs(texts, target)
    embedded = await target.engine.embed(embedding, texts)
    if embedded.prompt_tokens is not None:
        prompt_tokens = embedded.prompt_tokens
    return Answer(
        {
            "id": f"embd_{uuid.uuid4()}",
            "object": "list",
            "model": embedding.model,
            "data": [
                {"object": "embedding", "index": index, "embedding": _encoded(vector, encoding)}
                for index, vector in enumerate(embedded.vectors)
            ],
            "usage": {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens},
        },
        headers=target.headers,
    )


def _encoded(vector: list[float], encoding: str) -> list[float] | str:
    # The OpenAI client requests base64 by default: 32-bit floats, little-endian.
    if encoding == "float":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def read_inputs(value: object, place: str) -> list[str]:
    """Read one text or a list of texts."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise Invalid(f"{place}: must be a string or a list of strings.")
    if len(texts) > MAX_INPUTS:
        raise Invalid(f"{place}: {len(texts)} texts; one request takes at most {MAX_INPUTS}.")
    return texts


async def count_inputs(texts: list[str], target: Target) -> int:
    """Return the tokens of all texts. Raises BadRequest if one of them is too long for the model."""
    counts = [await target.engine.count_text(text) for text in texts]
    for count in counts:
        target.check_prompt(count)
    return sum(counts)
