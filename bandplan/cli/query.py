"""One real query per endpoint over HTTP, to check that it answers.

Source of the request and answer shapes: docs.databricks.com, "Foundation model REST API reference" (read 2026-11).
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from bandplan.serving.spec.tasks import CHAT, COMPLETIONS, TASKS
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import WorkspaceError

AT_ONCE: Final = 16
ANSWER_TOKENS: Final = 32
SHOWN_CHARACTERS: Final = 100
SHOWN_NUMBERS: Final = 4
MOST_READ: Final = 10_000
MOST_TOKENS: Final = 10**12
"""The largest number of tokens that is believed. A choice."""

QUESTION: Final = "What is provisioned throughput?"

BODIES: Final = {task: facts.body(QUESTION, ANSWER_TOKENS) for task, facts in TASKS.items()}
"""The request body for each task."""


@dataclass(frozen=True)
class Query:
    """An endpoint to query, and its task."""

    endpoint: str
    task: str


@dataclass(frozen=True)
class QueryResult:
    """The result of a query: `text` is the shortened answer, or the reason for the failure. Usage counts its tokens."""

    endpoint: str
    ok: bool
    text: str
    seconds: float = 0.0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def ask_all(client: WorkspaceClient, queries: Sequence[Query]) -> Iterator[QueryResult]:
    """Send all queries concurrently; yield the answers in the order of the queries, each as soon as the earlier ones
    are there.
    """
    with ThreadPoolExecutor(min(AT_ONCE, len(queries)) or 1) as pool:
        yield from pool.map(lambda query: ask(client, query), queries)


def ask(client: WorkspaceClient, query: Query) -> QueryResult:
    """Send one query and return its answer or its failure."""
    body = BODIES.get(query.task)
    if body is None:
        return QueryResult(query.endpoint, False, f"there is no sample query for the task {query.task}")
    started = time.perf_counter()
    try:
        response = client.post(f"/serving-endpoints/{quote(query.endpoint, safe='')}/invocations", body)
        text = answer_text(query.task, response)
    except WorkspaceError as error:
        return QueryResult(query.endpoint, False, str(error))
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return QueryResult(query.endpoint, False, f"the answer does not have the shape of {query.task}")
    seconds = time.perf_counter() - started
    usage = response.get("usage")
    prompt, completion = (_tokens(usage, name) for name in ("prompt_tokens", "completion_tokens"))
    return QueryResult(query.endpoint, True, text, seconds, prompt, completion)


def answer_text(task: str, response: Mapping[str, Any]) -> str:
    """Return the answer on one line. Raises ArithmeticError, LookupError, TypeError or ValueError if `response` is not
    an answer of the task.
    """
    answer = whole_answer(task, response)
    return shortened(answer) if task in (CHAT, COMPLETIONS) else answer


def whole_answer(task: str, response: Mapping[str, Any]) -> str:
    """Return the answer as it was given; an embedding as its dimension and first numbers. Raises like `answer_text`."""
    if task == CHAT:
        return _content(response["choices"][0]["message"]["content"])
    if task == COMPLETIONS:
        return _content(response["choices"][0]["text"])
    return embedding_text([float(number) for number in response["data"][0]["embedding"]])


def _content(value: Any) -> str:
    """Return a text; models that reason answer a list of parts, of which those with a text are the answer."""
    if isinstance(value, list):
        value = " ".join(part["text"] for part in value if part["type"] == "text")
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def token_counts(usage: Any) -> list[str]:
    """Format the plausible counts of the usage: `12 prompt tokens`, `5 completion tokens`."""
    counts = [(_tokens(usage, f"{name}_tokens"), name) for name in ("prompt", "completion")]
    return [f"{count:,} {name} tokens" for count, name in counts if count is not None]


def _tokens(usage: Any, name: str) -> int | None:
    """Return a plausible count of the usage, or None."""
    count = usage.get(name) if isinstance(usage, dict) else None
    is_count = isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MOST_TOKENS
    return count if is_count else None


def embedding_text(vector: Sequence[float]) -> str:
    """Format the dimension, the first numbers, and a note if the vector is not of unit length."""
    if not vector or not all(map(math.isfinite, vector)):
        raise ValueError("no embedding")
    length = math.hypot(*vector)
    note = "" if math.isclose(length, 1.0, rel_tol=1e-2) else f"; not unit length ({length:.3g}): normalise before use"
    first = ", ".join(f"{number:.4f}" for number in vector[:SHOWN_NUMBERS])
    return f"{len(vector)} dimensions [{first}, ...]{note}"


def shortened(text: str) -> str:
    """Shorten the text to one line of at most SHOWN_CHARACTERS characters."""
    line = " ".join(text[:MOST_READ].split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 3].rstrip() + "..."


def render(answer: QueryResult) -> str:
    """Format the answer under the endpoint's name, with usage in tokens and time in ms."""
    if not answer.ok:
        return f"  {answer.endpoint}: FAILED: {answer.text}"
    counts = [
        f"{count} {name}"
        for count, name in ((answer.prompt_tokens, "prompt"), (answer.completion_tokens, "completion"))
        if count is not None
    ]
    usage = f"{' + '.join(counts)} tokens, " if counts else ""
    return f"  {answer.endpoint}: {answer.text}  [{usage}{answer.seconds * 1000:.0f} ms]"
