"""The four query formats of legacy optimized serving, each with `params`; answers are `predictions`.

The formats are those of the page "Optimized large language model serving" on docs.databricks.com. The page shows no
answer: the form of a prediction here (candidates with text and finish reason, token counts) is a guess.
"""

from collections.abc import Iterable

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.queries import engine_fields
from bandplan.stub.api.queries.embeddings import count_inputs, read_inputs
from bandplan.stub.api.queries.forms import LEGACY_INPUTS, LEGACY_PARAMS, LEGACY_VECTORS
from bandplan.stub.api.queries.sampling import complete, generations, read_sampling
from bandplan.stub.api.queries.target import Target
from bandplan.stub.api.requests import json_object
from bandplan.stub.inference.engine import Embedding, Message
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.registry.tasks import EMBEDDINGS


async def answer(body: Json, embedding: Embedding, task: str | None, target: Target) -> Answer:
    """Answer a request in one of LEGACY_INPUTS: text from the model, or vectors on an embeddings endpoint.

    Raises Invalid and BadRequest.
    """
    column = "input" if task == EMBEDDINGS else "prompt"
    prompts = read_column(body, column)
    params = json_object(body, "params") or {}
    engine_fields.check(params, LEGACY_VECTORS if task == EMBEDDINGS else LEGACY_PARAMS, target.engine, "params/")
    if task == EMBEDDINGS:
        await count_inputs(prompts, target)
        embedded = await target.engine.embed(embedding, prompts)
        return Answer({"predictions": embedded.vectors}, headers=target.headers)
    sampling = read_sampling(params, LEGACY_PARAMS)
    counts = [await target.engine.count_text(prompt) for prompt in prompts]
    wanted = [
        generation
        for prompt, count in zip(prompts, counts, strict=True)
        for generation in generations(target, (Message("user", prompt),), sampling, count, is_prompt=True)
    ]
    choices = await complete(target, wanted)
    predictions = []
    for row, read in enumerate(counts):
        own = choices[row * sampling.choices : (row + 1) * sampling.choices]
        read = read if own[0].prompt_tokens is None else own[0].prompt_tokens
        written = sum(choice.completion_tokens for choice in own)
        predictions.append(
            {
                "candidates": [
                    {"text": choice.text, "metadata": {"finish_reason": choice.finish_reason}} for choice in own
                ],
                "metadata": {"input_tokens": read, "output_tokens": written, "total_tokens": read + written},
            }
        )
    return Answer({"predictions": predictions}, headers=target.headers)


def read_column(body: Json, column: str) -> list[str]:
    """Read the texts of one column, in row order; the body must have exactly one of LEGACY_INPUTS.

    Other columns are the client's own, except that a parameter is not one: nothing would come of it.
    """
    used = [key for key in LEGACY_INPUTS if key in body]
    if len(used) != 1:
        raise Invalid(f"exactly one of {', '.join(LEGACY_INPUTS)} is required.")
    value = body[used[0]]
    match used[0]:
        case "dataframe_split":
            return read_inputs(_split_column(value, column), f"dataframe_split/{column}")
        case "inputs" if isinstance(value, dict):
            _refuse_parameters(value, "inputs")
            return read_inputs(value.get(column), f"inputs/{column}")
        case _:
            rows = value if isinstance(value, list) else [value]
            _refuse_parameters((key for row in rows if isinstance(row, dict) for key in row), used[0])
            texts = [row.get(column) if isinstance(row, dict) else row for row in rows]
            return read_inputs(texts, f"{used[0]}/{column}")


def _split_column(frame: object, column: str) -> list[object]:
    columns = frame.get("columns") if isinstance(frame, dict) else None
    rows = frame.get("data") if isinstance(frame, dict) else None
    if not isinstance(columns, list) or not isinstance(rows, list) or column not in columns:
        raise Invalid(f"dataframe_split: must have data, and columns that include '{column}'.")
    _refuse_parameters((key for key in columns if isinstance(key, str)), "dataframe_split/columns")
    at = columns.index(column)
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise Invalid("dataframe_split/data: every row must have one value per column.")
    return [row[at] for row in rows]


def _refuse_parameters(columns: Iterable[str], place: str) -> None:
    if found := [key for key in dict.fromkeys(columns) if key in LEGACY_PARAMS.served]:
        names = ", ".join(f"{place}/{key}" for key in found)
        raise Invalid(f"{names}: not supported as a column of legacy requests; write it in params.")
