"""The way into one endpoint: a pool for each served entity that has capacity of its own, and one queue limit."""

from collections.abc import Callable, Mapping

from bandplan.stub.capacity.pool import Pool
from bandplan.stub.capacity.refusals import TOO_MANY_CONCURRENT, TooMany
from bandplan.stub.capacity.settings import Settings
from bandplan.stub.capacity.supply import Supply
from bandplan.stub.capacity.ticket import Ticket


class Gate:
    """Entities that are not among the supplies are not held to anything."""

    def __init__(self, supplies: Mapping[str, Supply], settings: Settings, now: float) -> None:
        self._supplies = dict(supplies)
        self._settings = settings
        self._pools = {entity: Pool(supply, settings, now) for entity, supply in supplies.items()}

    @property
    def pools(self) -> Mapping[str, Pool]:
        """By served entity."""
        return self._pools

    @property
    def waiting(self) -> int:
        return sum(len(pool.waiting) for pool in self._pools.values())

    def arrive(self, pool: Pool, now: float, when_admitted: Callable[[], None] | None = None) -> Ticket:
        """Let a request into the pool or into its queue. Raises TooMany, NothingRuns."""
        for one in self._pools.values():
            one.advance(now)
        if self.waiting >= self._settings.queue_limit and not pool.is_open:
            raise TooMany(TOO_MANY_CONCURRENT)
        return pool.arrive(now, when_admitted)

    def reconfigure(self, supplies: Mapping[str, Supply], settings: Settings, now: float) -> None:
        """Go on with another configuration; costs nothing if it is the same."""
        if (supplies, settings) == (self._supplies, self._settings):
            return
        self._supplies, self._settings = dict(supplies), settings
        kept = {}
        for entity, supply in supplies.items():
            pool = self._pools.get(entity)
            if pool is None:
                pool = Pool(supply, settings, now)
            else:
                pool.reconfigure(supply, settings, now)
            kept[entity] = pool
        self._pools = kept
