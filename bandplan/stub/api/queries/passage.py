"""One query on its way through an endpoint: the work done for it, and its journal entry."""

from collections.abc import Callable

from bandplan.stub.capacity.history import History
from bandplan.stub.capacity.journal import Entry, Journal
from bandplan.stub.capacity.pool import Pool
from bandplan.stub.capacity.ticket import Ticket
from bandplan.stub.capacity.work import cached_tokens

REFUSED = frozenset({400, 429, 503})
"""Statuses of queries that an engine did not begin to answer."""


class Passage:
    """One query's passage; its pace is unlimited unless it has entered a pool."""

    __slots__ = ("_history", "_journal", "_now", "_pool", "_prompts", "_ticket", "_unshown", "_work", "entry")

    def __init__(self, entry: Entry, journal: Journal, history: History, now: Callable[[], float]) -> None:
        self.entry = entry
        self._journal = journal
        self._history = history
        self._now = now
        self._pool: Pool | None = None
        self._ticket: Ticket | None = None
        self._work = 0.0
        self._prompts = 0
        self._unshown = 0
        """Prompt tokens that no sum includes yet: they count once they have been processed."""

    @property
    def is_paced(self) -> bool:
        return self._pool is not None

    @property
    def tokens(self) -> int:
        """Input and output tokens so far; none of a query that was refused, whose prompt was not processed."""
        return 0 if self.entry.status in REFUSED else self.entry.input_tokens + self.entry.output_tokens

    def enter(self, pool: Pool, ticket: Ticket) -> None:
        self._pool, self._ticket = pool, ticket

    def take_prompt(self, tokens: int) -> None:
        """Add the tokens of a prompt to be processed."""
        self._prompts += 1
        self.entry.input_tokens += tokens
        self._unshown += tokens
        if self._pool is not None:
            cached = cached_tokens(tokens, self._pool.settings.cache_hit_percent)
            self.entry.cached_tokens += cached
            self._work += self._pool.supply.work.of_prompt(tokens - cached)

    def ask(self, position: int) -> None:
        """Request the output token at `position`, counted from 1, of one of the answers to a prompt."""
        if self._pool is not None:
            context = self.entry.input_tokens // max(self._prompts, 1)
            self._work += self._pool.supply.work.of_output_token(context, position)

    def seconds_left(self) -> float:
        """Return the seconds until the requested token, if no request comes or goes; 0 or less if it is ready."""
        if self._pool is None or self._ticket is None:
            return 0.0
        now = self._now()
        return self._pool.due(self._ticket, self._work, now) - now

    def deliver(self, tokens: int, in_seconds: float) -> None:
        """Count output tokens sent over `in_seconds`."""
        if tokens:
            now, entry = self._now(), self.entry
            entry.last_token = at = now + in_seconds
            if entry.first_token is None:
                entry.first_token = at
            entry.output_tokens += tokens
            self._show_tokens(now, tokens)

    def _show_tokens(self, now: float, output_tokens: int) -> None:
        input_tokens, self._unshown = self._unshown, 0
        self._history.tokens(now, input_tokens, output_tokens)
        if self._pool is not None:
            self._pool.count_tokens(input_tokens, output_tokens)

    def correct(self, input_tokens: int, output_tokens: int) -> None:
        """Add what the engine itself counted more than was counted here; the work done stays as it was."""
        self.entry.input_tokens += input_tokens
        self.entry.output_tokens += output_tokens
        # A prompt that no sum includes yet is corrected before it is counted.
        shown = input_tokens if not self._unshown else 0
        self._unshown += input_tokens - shown
        self._history.correct(self._now(), shown, output_tokens)
        if self._pool is not None:
            self._pool.correct_tokens(shown, output_tokens)

    def end(self, status: int) -> None:
        """End the query; ending it again changes nothing."""
        entry, now = self.entry, self._now()
        if entry.ended is not None:
            return
        entry.ended, entry.status = now, status
        if self._pool is not None and self._ticket is not None:
            self._pool.end(self._ticket, now)
            entry.admitted, entry.work = self._ticket.admitted, self._ticket.done
            entry.chunk = self._ticket.chunk_number
        elif status not in (429, 503):
            entry.admitted = entry.arrived
        if status in REFUSED:
            self._unshown = 0
        self._show_tokens(now, 0)
        self._journal.keep(entry)
