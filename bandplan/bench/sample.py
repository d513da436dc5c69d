"""What was seen of one request: stamps in nanoseconds of `time.perf_counter_ns`, and what the server counted."""

from array import array
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

Outcome = Literal["completed", "refused", "failed", "unfinished"]

SECOND: Final = 1_000_000_000
TOO_MANY_REQUESTS: Final = 429


@dataclass(slots=True)
class Sample:
    """One request. `content` has a stamp for each chunk with text: content, reasoning or the arguments of a tool.

    `scheduled` is when the load wanted it sent. `status` is that of HTTP, 0 if no answer began. `fault` says in a few
    words why the request is not complete; "" while nothing is wrong. `ended` is the last byte, None while in flight.
    """

    number: int
    scheduled: int
    asked_input: int = 0
    asked_output: int = 0
    sent: int = 0
    content: "array[int]" = field(default_factory=lambda: array("q"))
    ended: int | None = None
    status: int = 0
    fault: str = ""
    retry_after: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def outcome(self) -> Outcome:
        if self.ended is None:
            return "unfinished"
        if self.status == TOO_MANY_REQUESTS:
            return "refused"
        return "failed" if self.fault else "completed"

    @property
    def began(self) -> int:
        """When it was sent, or should have been if it never was or is still in another process."""
        return self.sent or self.scheduled

    @property
    def last(self) -> int | None:
        """The last content, or the last byte of an answer that has none, as embeddings and whole answers."""
        return self.content[-1] if self.content else self.ended

    @property
    def ttft(self) -> float | None:
        """Seconds from sending to the first content; None without any."""
        return (self.content[0] - self.sent) / SECOND if self.content else None

    @property
    def latency(self) -> float:
        """Seconds from sending to the last content; infinite unless the request completed."""
        return self._since(self.sent)

    @property
    def scheduled_latency(self) -> float:
        """Seconds from the scheduled time to the last content; infinite unless the request completed."""
        return self._since(self.scheduled)

    @property
    def tpot(self) -> float | None:
        """Seconds per output token after the first; None for fewer than two tokens, or without a stream.

        Where the server does not count, the answer is taken to be as long as was asked for.
        """
        tokens = self.asked_output if self.output_tokens is None else self.output_tokens
        if self.outcome != "completed" or tokens < 2 or len(self.content) < 2:
            return None
        return (self.content[-1] - self.content[0]) / SECOND / (tokens - 1)

    @property
    def gaps(self) -> list[float]:
        """Seconds between successive chunks with content. A chunk may hold several tokens."""
        return [(after - before) / SECOND for before, after in pairwise(self.content)]

    def _since(self, start: int) -> float:
        if self.outcome != "completed" or self.last is None:
            return float("inf")
        return (self.last - start) / SECOND
