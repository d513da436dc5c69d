"""The four query formats of legacy optimized serving, each with `params`; answers are `predictions`.

The formats are those of the page "Optimized large language model serving" on docs.databricks.com. The page shows no
answer: the form of a prediction here (candidates with text and finish reason, token counts) is a guess.
"""

from stub.api.answers import Answer
from stub.api.embeddings import read_inputs
from stub.api.requests import Json, json_object
from stub.api.sampling import complete, generation, read_sampling
from stub.inference.engine import Embedding, Engine, Message
from stub.state.refusals import Invalid

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")


async def answer(body: Json, embedding: Embedding, task: str | None, engine: Engine, headers: dict[str, str]) -> Answer:
    """Answer a request in one of FORMATS: text of the model, or vectors on an embeddings endpoint. Raises Invalid."""
    column = "input" if task == "llm/v1/embeddings" else "prompt"
    prompts = read_column(body, column)
    if task == "llm/v1/embeddings":
        return Answer({"predictions": await engine.embed(embedding, prompts)}, headers=headers)
    sampling = read_sampling(json_object(body, "params") or {}, choices_key="candidate_count")
    predictions = []
    for prompt in prompts:
        message = (Message("user", prompt),)
        choices = [
            await complete(engine, generation(embedding.model, message, sampling, index))
            for index in range(sampling.choices)
        ]
        read, written = engine.count_tokens(prompt), sum(len(choice.tokens) for choice in choices)
        predictions.append(
            {
                "candidates": [
                    {"text": choice.text, "metadata": {"finish_reason": choice.finish_reason}} for choice in choices
                ],
                "metadata": {"input_tokens": read, "output_tokens": written, "total_tokens": read + written},
            }
        )
    return Answer({"predictions": predictions}, headers=headers)


def read_column(body: Json, column: str) -> list[str]:
    """The texts of one column, in row order; exactly one of FORMATS must be there."""
    used = [key for key in FORMATS if key in body]
    if len(used) != 1:
        raise Invalid(f"exactly one of {', '.join(FORMATS)} is required.")
    value = body[used[0]]
    match used[0]:
        case "dataframe_split":
            return read_inputs(_split_column(value, column), f"dataframe_split/{column}")
        case "inputs" if isinstance(value, dict):
            return read_inputs(value.get(column), f"inputs/{column}")
        case _:
            rows = value if isinstance(value, list) else [value]
            texts = [row.get(column) if isinstance(row, dict) else row for row in rows]
            return read_inputs(texts, f"{used[0]}/{column}")


def _split_column(frame: object, column: str) -> list[object]:
    columns = frame.get("columns") if isinstance(frame, dict) else None
    rows = frame.get("data") if isinstance(frame, dict) else None
    if not isinstance(columns, list) or not isinstance(rows, list) or column not in columns:
        raise Invalid(f"dataframe_split: must have columns with '{column}' among them, and data.")
    at = columns.index(column)
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise Invalid("dataframe_split/data: every row must have one value per column.")
    return [row[at] for row in rows]
