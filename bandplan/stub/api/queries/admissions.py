"""Admit queries to endpoints as their capacity allows, on the workspace's clock."""

import asyncio
from collections.abc import Iterator, Mapping

from bandplan.stub.api.queries.passage import Passage
from bandplan.stub.capacity import model_shape, supply
from bandplan.stub.capacity.arrivals import Arrivals
from bandplan.stub.capacity.gate import Gate
from bandplan.stub.capacity.history import Histories
from bandplan.stub.capacity.journal import Journal
from bandplan.stub.capacity.model_shape import ModelShape
from bandplan.stub.capacity.pool import Pool
from bandplan.stub.capacity.refusals import NOTHING_RUNS, NothingRuns, Refused, TooMany
from bandplan.stub.capacity.settings import Settings
from bandplan.stub.capacity.supply import Supply
from bandplan.stub.capacity.work import PROMPT_ALONE
from bandplan.stub.state.behaviour import Behaviours
from bandplan.stub.state.clock import Clock
from bandplan.stub.state.refusals import NotReady, Refusal, TooManyRequests
from bandplan.stub.state.registry.catalogue import Facts
from bandplan.stub.state.registry.tasks import EMBEDDINGS
from bandplan.stub.state.serving.capacity_settings import CapacitySettings
from bandplan.stub.state.serving.configuration import ServedEntity
from bandplan.stub.state.serving.endpoint import Endpoint
from bandplan.stub.state.serving.endpoints import Endpoints

LOOK_SECONDS = 0.05
"""How often waiting queries check the clock: a request can move it, and other requests change their turn."""

MOST_GATES = 10_000
"""Maximum number of endpoints whose load is remembered, the oldest forgotten first; an arbitrary bound on memory."""


Waiting = dict[asyncio.Future[None], Pool]


class Admissions:
    """One gate per endpoint; an unlimited workspace has no gates and only keeps the journal and the histories."""

    def __init__(
        self,
        endpoints: Endpoints,
        settings: CapacitySettings,
        behaviours: Behaviours,
        clock: Clock,
        *,
        is_unlimited: bool,
    ) -> None:
        self.journal = Journal()
        self.is_unlimited = is_unlimited
        self._endpoints = endpoints
        self._settings = settings
        self._behaviours = behaviours
        self._clock = clock
        self.histories = Histories(self.now())
        self._arrivals = Arrivals()
        self._gates: dict[str, Gate] = {}
        self._waiting: Waiting = {}
        self._letting_in: asyncio.Task[None] | None = None

    def now(self) -> float:
        """Return the time in seconds of the workspace's clock."""
        return self._clock.now_ms() / 1000

    def cached_percent(self, endpoint: str) -> float:
        """Return the percentage of each prompt that counts as cached."""
        return 0.0 if self.is_unlimited else self._settings.of(endpoint).cache_hit_percent

    def pools(self, endpoint: Endpoint) -> Mapping[str, Pool]:
        """Return the pools that now serve an endpoint, by served entity."""
        if self.is_unlimited:
            return {}
        gate, now = self._gate(endpoint), self.now()
        for pool in gate.pools.values():
            pool.advance(now)
        return gate.pools

    async def admit(self, endpoint: Endpoint, entity: str, arrived_at: float | None = None) -> Passage:
        """Return once the query may begin. Raises TooManyRequests and NotReady.

        `arrived_at` is when its first bytes arrived, on the event loop's clock. A query that is cancelled while waiting
        leaves the queue.
        """
        now = self.now()
        entry = self.journal.begin(endpoint.name, entity, now - self._since(arrived_at))
        passage = Passage(entry, self.journal, self.histories.of(endpoint.id), self.now)
        if self.is_unlimited:
            return passage
        gate = self._gate(endpoint)
        pool = gate.pools.get(entity)
        if pool is None:
            return passage
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def let_in() -> None:
            if not admitted.done():
                admitted.set_result(None)

        try:
            self._arrivals.count(now)
            passage.enter(pool, gate.arrive(pool, now, let_in))
            if not admitted.done():
                self._wait(admitted, pool)
            await admitted
        except Refused as refused:
            refusal = self._refusal(refused)
            passage.end(429 if isinstance(refused, TooMany) else 503)
            raise refusal from refused
        except asyncio.CancelledError:
            passage.end(499)
            raise
        finally:
            self._waiting.pop(admitted, None)
        return passage

    def _since(self, arrived_at: float | None) -> float:
        """Return the seconds that a query has waited for its turn in the event loop; none passes on a stopped clock."""
        if arrived_at is None or self._clock.is_stopped:
            return 0.0
        return max(0.0, asyncio.get_running_loop().time() - arrived_at)

    def _refusal(self, refused: Refused) -> Refusal:
        refusal: Refusal = NotReady(refused.message)
        if isinstance(refused, TooMany):
            refusal = TooManyRequests(refused.message, refused.retry_after_seconds)
        refusal.tells_when_to_retry = self._behaviours.now.sends_retry_after_on_capacity
        return refusal

    def _wait(self, admitted: asyncio.Future[None], pool: Pool) -> None:
        self._waiting[admitted] = pool
        if self._letting_in is None or self._letting_in.done():
            self._letting_in = asyncio.get_running_loop().create_task(self._let_in())

    async def _let_in(self) -> None:
        """Advance the pools that queries wait for, so that starting chunks become ready without further requests."""
        while self._waiting:
            now = self.now()
            for admitted, pool in list(self._waiting.items()):
                pool.advance(now)
                if pool.is_stuck and not admitted.done():
                    admitted.set_exception(NothingRuns(NOTHING_RUNS))
            await asyncio.sleep(LOOK_SECONDS)

    def _gate(self, endpoint: Endpoint) -> Gate:
        """Return the gate of the serving configuration; one that is still being deployed does not count."""
        settings, now = self._settings.of(endpoint.name), self.now()
        supplies = dict(self._supplies(endpoint, settings))
        gate = self._gates.get(endpoint.id)
        if gate is None:
            if len(self._gates) >= MOST_GATES:
                del self._gates[next(iter(self._gates))]
            gate = self._gates[endpoint.id] = Gate(supplies, settings, now)
        gate.reconfigure(supplies, settings, now)
        return gate

    def _supplies(self, endpoint: Endpoint, settings: Settings) -> Iterator[tuple[str, Supply]]:
        for entity in endpoint.config.entities if endpoint.config else ():
            made = supply_of(entity, self._endpoints.facts(entity), settings)
            if made is not None:
                yield entity.name, made


def supply_of(entity: ServedEntity, facts: Facts | None, settings: Settings) -> Supply | None:
    """Return the capacity of a served entity, or None if it runs on other compute, whose speed is unknown."""
    is_embedding = facts is not None and facts.task == EMBEDDINGS
    ratios = PROMPT_ALONE if is_embedding else _shape(facts).work(settings.weights_shared_by)
    units = entity.settings.get("provisioned_model_units")
    if units is not None:
        bursts = entity.settings.get("burst_scaling_enabled") is not False
        return supply.model_units(units, ratios, settings, bursts=bursts)
    chunk = facts.chunk_tokens_per_second if facts else None
    ceiling = entity.settings.get("max_provisioned_throughput")
    if not chunk or ceiling is None:
        return None
    return supply.bands(chunk, entity.settings.get("min_provisioned_throughput", 0), ceiling, ratios, settings)


def _shape(facts: Facts | None) -> ModelShape:
    """Return the shape of a model from its own config.json, or else from its family."""
    of_its_own = model_shape.of_config(facts.sizes) if facts and facts.sizes else None
    return of_its_own or model_shape.of_family(facts.model_type if facts else None)
