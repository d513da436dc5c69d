"""The entrance to one endpoint: a pool for each served entity that has its own capacity, and one queue limit."""

from collections.abc import Callable, Mapping

from bandplan.stub.capacity.pool import Pool
from bandplan.stub.capacity.refusals import TOO_MANY_CONCURRENT, TooMany
from bandplan.stub.capacity.settings import Settings
from bandplan.stub.capacity.supply import Supply
from bandplan.stub.capacity.ticket import Ticket


class Gate:
    """The gate of an endpoint; entities that are not in the supplies are unlimited."""

    def __init__(self, supplies: Mapping[str, Supply], settings: Settings, now: float) -> None:
        self._supplies = dict(supplies)
        self._settings = settings
        self._pools = {entity: Pool(supply, settings, now) for entity, supply in supplies.items()}

    @property
    def pools(self) -> Mapping[str, Pool]:
        """Pools by served entity."""
        return self._pools

    @property
    def waiting(self) -> int:
        return sum(len(pool.waiting) for pool in self._pools.values())

    def arrive(self, pool: Pool, now: float, when_admitted: Callable[[], None] | None = None) -> Ticket:
        """Admit a request to the pool or to its queue. Raises TooMany and NothingRuns."""
        for one in self._pools.values():
            one.advance(now)
        if self.waiting >= self._settings.queue_limit and not pool.is_open:
            raise TooMany(TOO_MANY_CONCURRENT)
        return pool.arrive(now, when_admitted)

    def reconfigure(self, supplies: Mapping[str, Supply], settings: Settings, now: float) -> None:
        """Switch to another configuration; does nothing if it is the same."""
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
