"""Batches of `generate`: for what continuous batching cannot do, and for models without it.

The requests that wait at one moment form a batch, which others cannot join. Some batches run at the same time, so that
a long answer holds up only those of its own batch.
"""

import asyncio
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from bandplan.stub.inference.transformers_engine.worker.choosing import choose
from bandplan.stub.inference.transformers_engine.worker.sampling import Chosen, Sampling, Sink

MOST_ROWS = 32
"""Requests in one batch. Arbitrary."""

BATCHES_AT_ONCE = {"cpu": 2}
"""Number of batches that run at the same time, by type of device."""

BATCHES_ON_A_GPU = 4

GATHER_SECONDS = 0.005
"""Time to wait for further requests of the same moment: those of one client's `n`, or of a benchmark's first wave."""


@dataclass(slots=True)
class Row:
    """One answer in a batch."""

    number: int
    prompt: list[int]
    sampling: Sampling
    sink: Sink
    generator: Any = None
    given: int = 0
    is_done: bool = False
    is_cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def is_over(self) -> bool:
        return self.is_done or self.is_cancelled.is_set()


class Batches:
    """Threads that run batches. `pad_token` fills the left of shorter prompts."""

    def __init__(self, model: Any, pad_token: int, loop: asyncio.AbstractEventLoop) -> None:
        self.model = model
        # Its defaults would be applied to all rows: an end token that one of them ignores, or a penalty.
        self.model.generation_config = GenerationConfig()
        self._pad_token = pad_token
        self._loop = loop
        self._waiting: queue.SimpleQueue[Row] = queue.SimpleQueue()
        self._rows: dict[int, Row] = {}
        for _ in range(BATCHES_AT_ONCE.get(model.device.type, BATCHES_ON_A_GPU)):
            threading.Thread(target=self._work, daemon=True).start()

    def submit(self, number: int, prompt: list[int], sampling: Sampling, sink: Sink) -> None:
        """Generate an answer. Call in the event loop."""
        row = Row(number, prompt, sampling, sink)
        if sampling.seed is not None:
            row.generator = torch.Generator(self.model.device).manual_seed(sampling.seed % 2**63)
        self._rows[number] = row
        self._waiting.put(row)

    def cancel(self, number: int) -> None:
        """Stop generating an answer at the next token; nothing more is delivered."""
        row = self._rows.pop(number, None)
        if row is not None:
            row.is_cancelled.set()

    def _work(self) -> None:
        while True:
            rows = [self._waiting.get()]
            time.sleep(GATHER_SECONDS)
            while len(rows) < MOST_ROWS and not self._waiting.empty():
                try:
                    rows.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            rows = [row for row in rows if not row.is_over]
            try:
                if rows:
                    self._run(rows)
            except Exception as error:
                self._fail(rows, error)

    def _run(self, rows: list[Row]) -> None:
        longest = max(len(row.prompt) for row in rows)
        device = self.model.device
        padded = [[self._pad_token] * (longest - len(row.prompt)) + row.prompt for row in rows]
        mask = [[0] * (longest - len(row.prompt)) + [1] * len(row.prompt) for row in rows]
        self.model.generate(
            input_ids=torch.tensor(padded, device=device),
            attention_mask=torch.tensor(mask, device=device),
            generation_config=GenerationConfig(
                max_new_tokens=max(row.sampling.most_tokens for row in rows),
                do_sample=False,
                pad_token_id=self._pad_token,
            ),
            logits_processor=LogitsProcessorList([_Chooser(rows, self._pad_token, self._deliver)]),
            stopping_criteria=StoppingCriteriaList([_Done(rows)]),
        )
        if left := [row for row in rows if not row.is_over]:
            self._fail(left, RuntimeError("generate ended before the answer did"))

    def _deliver(self, row: Row, chosen: Chosen | None, end: str | None) -> None:
        self._loop.call_soon_threadsafe(self._hand_over, row, chosen, end)

    def _hand_over(self, row: Row, chosen: Chosen | None, end: str | None) -> None:
        if row.number not in self._rows:
            return
        if chosen is not None:
            row.sink.token(chosen, end is not None)
        if end is not None:
            del self._rows[row.number]
            row.sink.end(end)

    def _fail(self, rows: list[Row], error: Exception) -> None:
        if isinstance(error, torch.OutOfMemoryError):
            reason = "the GPU has no memory left"
            torch.cuda.empty_cache()
        else:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"

        def fail() -> None:
            for row in rows:
                if self._rows.pop(row.number, None) is not None:
                    row.sink.fail(reason)

        self._loop.call_soon_threadsafe(fail)


class _Chooser(LogitsProcessor):
    """Chooses the next token of every row by its own sampling, and leaves `generate` no other."""

    def __init__(self, rows: list[Row], pad_token: int, deliver: Any) -> None:
        self._rows = rows
        self._pad_token = pad_token
        self._deliver = deliver

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        picked = []
        for row, logits in zip(self._rows, scores, strict=True):
            picked.append(self._pad_token if row.is_over else self._next(row, logits))
        forced = torch.full_like(scores, float("-inf"))
        forced[torch.arange(len(picked)), torch.tensor(picked, device=scores.device)] = 0.0
        return forced

    def _next(self, row: Row, logits: Any) -> int:
        sampling = row.sampling
        chosen = choose(logits, sampling, row.given, row.generator)
        if chosen.token in sampling.end_tokens:
            row.is_done = True
            self._deliver(row, None, "stop")
            return chosen.token
        row.given += 1
        row.is_done = row.given >= sampling.most_tokens
        self._deliver(row, chosen, "length" if row.is_done else None)
        return chosen.token


class _Done(StoppingCriteria):
    """Ends a batch once all its rows are over."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        return torch.tensor([row.is_over for row in self._rows], device=input_ids.device)
