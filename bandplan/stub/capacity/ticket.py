"""One request on its way through an endpoint: waiting, in flight, ended."""

from collections.abc import Callable

from bandplan.stub.capacity.chunk import Chunk


class Ticket:
    """One request; times are in seconds of the workspace's clock, None until reached."""

    __slots__ = ("admitted", "arrived", "asked", "began", "chunk", "chunk_number", "done", "ended", "when_admitted")

    def __init__(self, arrived: float, when_admitted: Callable[[], None] | None = None) -> None:
        self.arrived = arrived
        self.when_admitted = when_admitted
        self.admitted: float | None = None
        self.ended: float | None = None
        self.chunk: Chunk | None = None
        """The chunk that the request is in."""
        self.chunk_number: int | None = None
        """Number of the chunk that the request is or was in."""
        self.began = 0.0
        """Work that the chunk had given when the request entered it."""
        self.asked = 0.0
        """Work up to the next token that the request waits for."""
        self.done = 0.0
        """Total work of the request, once it has ended."""

    @property
    def is_waiting(self) -> bool:
        return self.admitted is None and self.ended is None

    @property
    def is_in_flight(self) -> bool:
        return self.admitted is not None and self.ended is None

    def given(self, now: float) -> float:
        """Return the work that the request could have been given by `now`."""
        return self.chunk.given(now) - self.began if self.chunk is not None else self.done

    def enter(self, chunk: Chunk, now: float) -> None:
        self.chunk = chunk
        self.chunk_number = chunk.number
        self.began = chunk.given(now)
        self.admitted = now
        chunk.tickets.add(self)
        if self.when_admitted is not None:
            self.when_admitted()

    def leave(self, now: float) -> float:
        """End the request; return by how much its work was less than its chunk gave, 0 or more."""
        self.ended = now
        if self.chunk is None:
            return 0.0
        given = self.given(now)
        self.done = min(given, self.asked)
        self.chunk.tickets.discard(self)
        self.chunk = None
        return given - self.done
