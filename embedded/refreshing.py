"""Bringing the state up to what the providers find, without running the program."""

import time
from collections.abc import Callable
from concurrent.futures import Executor

from embedded.deployment import Deployment
from embedded.errors import EngineError
from embedded.events import Diagnosed, Event, StepBegan, StepEnded, StepFailed
from embedded.journal import Journal
from embedded.planning import input_diff
from embedded.resource import ResourceState
from embedded.steps import Op, Step
from plugin.errors import ProviderError


class Refresh:
    """Reads every custom resource of a stack; what is gone leaves the state, what differs is taken over."""

    def __init__(
        self, deployment: Deployment, journal: Journal, emit: Callable[[Event], None], is_preview: bool
    ) -> None:
        """`deployment` configures and holds the providers."""
        self.changes: dict[str, int] = {}
        self.failures: list[str] = []
        self._deployment = deployment
        self._journal = journal
        self._emit = emit
        self._is_preview = is_preview

    def run(self, executor: Executor) -> list[ResourceState]:
        """Read everything; returns the states as they are now, in the order they had.

        In a real refresh the journal holds them too.
        """
        olds = list(self._journal.progress.base.resources)
        jobs = [executor.submit(self._refreshed, state) for state in olds]
        news = [job.result() for job in jobs]
        gone = {old.urn for old, new in zip(olds, news, strict=True) if new is None and not old.delete}
        kept = []
        for index, (old, new) in enumerate(zip(olds, news, strict=True)):
            if new is None:
                if not self._is_preview:
                    self._journal.gone(index, self._journal.start(old, "reading"))
                continue
            new = without_dependencies_on(new, gone)
            kept.append(new)
            if not self._is_preview:
                self._journal.record(new, index, changed=new != old)
        return kept

    def _refreshed(self, old: ResourceState) -> ResourceState | None:
        if not old.custom or old.is_provider or old.pending_replacement or not old.id:
            if not old.is_provider:
                self._count(Op.SAME)
            return old
        self._emit(StepBegan(Step(Op.REFRESH, old.urn, old, old)))
        began = time.monotonic()
        try:
            found_id, outputs, inputs = self._deployment.read(old)
        except (ProviderError, EngineError) as error:
            self.failures.append(str(error))
            self._emit(StepFailed(Step(Op.REFRESH, old.urn, old, old), str(error)))
            return old
        if not found_id:
            self._count(Op.DELETE)
            self._emit(StepEnded(Step(Op.DELETE, old.urn, old), time.monotonic() - began))
            self._emit(Diagnosed("warning", f"{old.name}: is gone from the workspace; removed from the state", old.urn))
            return None
        new = old.changed(id=found_id, outputs=outputs, inputs=inputs or old.inputs, init_errors=[])
        diff = input_diff(old.outputs, new.outputs)
        op = Op.UPDATE if diff.changes or new.inputs != old.inputs else Op.SAME
        self._count(op)
        step = Step(op, old.urn, old, new, diff.diffs, [], diff.detailed)
        self._emit(StepEnded(step, time.monotonic() - began))
        return new

    def _count(self, op: Op) -> None:
        self.changes[op.value] = self.changes.get(op.value, 0) + 1


def without_dependencies_on(state: ResourceState, gone: set[str]) -> ResourceState:
    """A state that no longer says it depends on what is gone."""
    if not gone or gone.isdisjoint(state.all_dependencies()):
        return state
    return state.changed(
        dependencies=[urn for urn in state.dependencies if urn not in gone],
        property_dependencies={
            key: [urn for urn in urns if urn not in gone] for key, urns in state.property_dependencies.items()
        },
        deleted_with="" if state.deleted_with in gone else state.deleted_with,
    )
