"""Which engine answers for each served entity: chosen from settings and the version's files, started when needed."""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from bandplan.stub.api.queries.choices import Choices, Key
from bandplan.stub.inference.engine import Engine
from bandplan.stub.inference.errors import EngineUnavailable
from bandplan.stub.inference.selection import choice
from bandplan.stub.inference.selection.choice import ORDER, Choice, Machine, Served
from bandplan.stub.inference.selection.running import RunningEngines
from bandplan.stub.inference.selection.settings import EVERYTHING, Settings, SettingsError, read
from bandplan.stub.inference.selection.spec import LOADS_WEIGHTS, SIMULATED, EngineSpec
from bandplan.stub.json_object import Json
from bandplan.stub.state.registry.checkpoint import Checkpoints
from bandplan.stub.state.registry.tasks import EMBEDDINGS
from bandplan.stub.state.serving.configuration import ServedEntity
from bandplan.stub.state.serving.endpoint import Endpoint
from bandplan.stub.state.serving.endpoints import Endpoints
from bandplan.stub.state.serving.engine_settings import EngineSettings

LOOK_SECONDS = 1.0
"""How often endpoints are checked for engines to start and to end; a choice: engines take seconds or minutes."""

CHOOSING = "choosing"

log = logging.getLogger("stub")

PLAIN = Choice(EngineSpec())
"""The choice where nothing names another engine."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """The choice for one served entity, None while it is being made, or if `problem` says why there is none."""

    endpoint: str
    entity: ServedEntity
    choice: Choice | None
    problem: str = ""


class Assignments:
    """The engines of all served entities; `default` is the kind for those whose settings name none."""

    def __init__(
        self,
        endpoints: Endpoints,
        checkpoints: Checkpoints,
        settings: EngineSettings,
        running: RunningEngines,
        machine: Machine,
        simulated: Engine,
        default: str | None = None,
    ) -> None:
        self.default = default
        self.simulated = simulated
        self.running = running
        self._endpoints = endpoints
        self._checkpoints = checkpoints
        self._settings = settings
        self._machine = machine
        self._choices = Choices(lambda spec: self.running.failure(spec))
        self._revision = -1
        self._is_plain = True

    @property
    def is_plain(self) -> bool:
        """Whether every endpoint is simulated, so that nothing has to be looked up."""
        if self._revision != self._settings.revision:
            self._revision = self._settings.revision
            rows = self._settings.engines()
            kinds = [self.default, *(row.get("engine") for row in rows.values())]
            broken = [_problem(name, row) for name, row in rows.items()]
            self._is_plain = all(kind in (None, SIMULATED) for kind in kinds) and not any(broken)
            self._choices.clear()
            for problem in filter(None, broken):
                log.warning(problem)
        return self._is_plain

    async def engine(self, endpoint: Endpoint, entity: ServedEntity, patience_seconds: float) -> Engine:
        """Return the engine of a served entity once it answers. Raises EngineUnavailable."""
        if self.is_plain:
            return self.simulated
        for _ in (*ORDER, SIMULATED):
            chosen = await self._current(endpoint, entity)
            if chosen.spec.kind == SIMULATED:
                return self.simulated
            try:
                return await self.running.ready(chosen.spec, patience_seconds)
            except EngineUnavailable:
                if not chosen.is_auto or self.running.failure(chosen.spec) is None:
                    raise
        return self.simulated  # `auto` has passed over every other one

    def assigned(self, endpoint: Endpoint) -> Iterator[Assigned]:
        """Yield the engine of every entity that an endpoint serves or is about to serve."""
        for entity in _entities(endpoint):
            yield self.of(endpoint, entity)

    def of(self, endpoint: Endpoint, entity: ServedEntity) -> Assigned:
        """Return the engine of one served entity."""
        if self.is_plain and not self._settings.engines():
            return Assigned(endpoint.name, entity, PLAIN)
        last = self._choices.last(_key(endpoint, entity), lambda: self._choose(endpoint, entity))
        return Assigned(endpoint.name, entity, None) if last is None else Assigned(endpoint.name, entity, *last)

    def settings_of(self, endpoint: str, model: str) -> Settings:
        """Return the settings for a model on an endpoint: those of the endpoint, then of the model, then of all.

        Raises SettingsError if what is stored is not valid: another version may have written it.
        """
        rows = self._settings.engines()
        names = (endpoint, model.lower(), EVERYTHING)
        if problems := [problem for name in names if (problem := _problem(name, rows.get(name) or {}))]:
            raise SettingsError("; ".join(problems))
        own, of_model, of_all = (read(rows.get(name) or {}) for name in names)
        return own.over(of_model).over(Settings(engine=self.default)).over(of_all)

    def restart(self) -> None:
        """Choose again, and restart engines that failed."""
        self._choices.clear()
        self.running.restart_failed()

    async def tend(self) -> None:
        """Start the engines that endpoints need, and end those that none needs any more, until cancelled.

        An engine starts once the endpoints have not changed for a moment: engines that share a GPU divide it among all
        that are known.
        """
        before: set[EngineSpec] | None = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                needed = set() if self.is_plain else self.needed()
            except Exception:
                log.exception("the engines that endpoints need could not be told")
                continue
            if needed is not None and needed == before:
                self.running.keep_only(needed)
                for spec in needed:
                    self.running.get(spec)
            before = needed

    def needed(self) -> set[EngineSpec] | None:
        """Return the specs of all engines that endpoints need; None while some are being chosen."""
        specs = set()
        for endpoint in self._endpoints.all():
            for assigned in self.assigned(endpoint):
                if assigned.problem:
                    continue
                if assigned.choice is None:
                    return None
                specs.add(assigned.choice.spec)
        return {spec for spec in specs if spec.kind != SIMULATED}

    async def sharers(self, spec: EngineSpec) -> int:
        """Return among how many engines the GPU's memory is divided, `spec` being one of them.

        Weights that settings name count before their endpoints exist: an engine cannot give memory back.
        """
        specs = {spec}
        for endpoint in self._endpoints.all():
            for entity in _entities(endpoint):
                with contextlib.suppress(EngineUnavailable):
                    specs.add((await self._current(endpoint, entity)).spec)
        loaded = {one.weights for one in specs if one.kind in LOADS_WEIGHTS}
        rows = [row for name, row in self._settings.engines().items() if not _problem(name, row)]
        named = {row.get("weights") for row in rows if row.get("engine") != SIMULATED}
        engines = len([one for one in specs if one.kind in LOADS_WEIGHTS])
        return max(engines + len({*named, None} - loaded) - 1, 1)

    async def _current(self, endpoint: Endpoint, entity: ServedEntity) -> Choice:
        """Return the choice for a served entity. Raises EngineUnavailable if none could be made."""
        _ = self.is_plain
        return await self._choices.current(_key(endpoint, entity), lambda: self._choose(endpoint, entity))

    async def _choose(self, endpoint: Endpoint, entity: ServedEntity) -> Choice:
        """Return a new choice for a served entity. Raises SettingsError."""
        settings, served = self.settings_of(endpoint.name, entity.model), self._served(endpoint, entity)
        return await choice.choose(settings, served, self._machine, self.running.failure)

    def _served(self, endpoint: Endpoint, entity: ServedEntity) -> Served:
        facts = self._endpoints.facts(entity)
        task = facts.task if facts else endpoint.task
        made = Served(is_embedding=task == EMBEDDINGS)
        if entity.external_model is not None:
            return made
        found = self._checkpoints.of(entity.model, entity.version)
        if found is None:
            return made
        version = f"{entity.model} v{entity.version}"
        return replace(made, checkpoint=found.folder, tokenizer=found.tokenizer, version=version)


def _key(endpoint: Endpoint, entity: ServedEntity) -> Key:
    return endpoint.id or endpoint.name, entity.model, entity.version, entity.name


def _problem(name: str, row: Json) -> str:
    """Return what is wrong with stored settings and what to do, or "" if they are valid."""
    try:
        read(row)
    except SettingsError as error:
        found = "; ".join(f"{name}/{line}" for line in str(error).splitlines())
        return f"stored settings of engines are not valid: {found}; correct bandplan:engines, then run `bandplan up`"
    return ""


def _entities(endpoint: Endpoint) -> Collection[ServedEntity]:
    """Return every entity that an endpoint serves or is about to serve, once each."""
    configs = [config for config in (endpoint.pending, endpoint.config) if config is not None]
    return {entity.name: entity for config in configs for entity in config.entities}.values()


def show(assigned: Assigned, engines: Assignments) -> Json:
    """Show which engine answers for an entity, with which weights, and why others do not."""
    chosen = assigned.choice
    if chosen is None:
        state = "failed" if assigned.problem else CHOOSING
        nothing: Json = {"kind": None, "weights": None, "passed_over": [], "remarks": []}
        return {**nothing, "state": state, "detail": assigned.problem}
    running = engines.running.find(chosen.spec)
    state, detail = running.shown if running else ("starting", "")
    if chosen.spec.kind == SIMULATED:
        state = "ready"
    return {
        "kind": chosen.spec.kind,
        "weights": chosen.spec.shown_weights,
        "state": state,
        "detail": detail,
        "passed_over": [{"engine": one.engine, "reason": one.reason} for one in chosen.passed_over],
        "remarks": list(chosen.remarks),
    }
