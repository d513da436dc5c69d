"""Updating the state to what the providers find, without running the program."""

import time
from concurrent.futures import Executor

from bandplan.embedded.account import Account
from bandplan.embedded.default_providers import DefaultProviders
from bandplan.embedded.diff import inverted
from bandplan.embedded.journal import Journal
from bandplan.embedded.ordering import naming_only
from bandplan.embedded.providers import Providers
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.steps import Op, Step
from bandplan.embedded.values import from_property_values, same_value
from bandplan.plugin.errors import InitFailed


class Refresh:
    """Reads every custom resource of a stack; missing ones leave the state, differences are taken over."""

    def __init__(
        self, providers: Providers, defaults: DefaultProviders, journal: Journal, account: Account, now: str
    ) -> None:
        """Set what a refresh needs; `now`, RFC 3339, becomes the modification time of resources that differ."""
        self._providers = providers
        self._defaults = defaults
        self._journal = journal
        self._account = account
        self._now = now

    def run(self, executor: Executor) -> list[ResourceState]:
        """Read everything; return the current states in their previous order. Writes nothing."""
        olds = self._journal.progress.base.resources
        jobs = [executor.submit(self._refreshed, state) for state in olds]
        return without_loose_ends(olds, [job.result() for job in jobs])

    def _refreshed(self, old: ResourceState) -> ResourceState | None:
        if self._account.is_stopped:
            return old
        step = Step(Op.REFRESH, old.urn, old, old)
        self._account.begin(step)
        began = time.monotonic()
        if not old.custom or old.is_provider or old.pending_replacement:
            self._account.end(Step(Op.SAME, old.urn, old, old, is_done=True), 0.0)
            return old
        try:
            self._defaults.ensure(old)
            new = self._read(old)
            diff = inverted(self._providers.diff(new, old.inputs, old.ignore_changes)) if new is not None else None
        except Exception as error:
            self._account.fail_step(step, error, goes_on=True)
            return old
        seconds = time.monotonic() - began
        if new is None or diff is None:
            self._account.end(Step(Op.DELETE, old.urn, old), seconds)
            self._account.warn(old.urn, f"{old.name}: no longer exists; removed from the state")
            return None
        op = Op.UPDATE if diff.changes else Op.SAME
        self._account.end(Step(op, old.urn, old, new, diff.diffs, [], diff.detailed, is_done=True), seconds)
        is_changed = not (same_value(old.inputs, new.inputs) and same_value(old.outputs, new.outputs))
        return new.changed(modified=self._now) if is_changed else new

    def _read(self, old: ResourceState) -> ResourceState | None:
        new, reasons = found_now(self._providers, old)
        if reasons:
            self._account.warn(old.urn, f"{old.name}: is not healthy: {'; '.join(reasons)}")
        return new


def found_now(providers: Providers, old: ResourceState) -> tuple[ResourceState | None, list[str]]:
    """Return a resource as its provider finds it, or None if it is gone; and why it is unhealthy, if it is."""
    try:
        found_id, outputs, inputs = providers.read(old)
        reasons: list[str] = []
    except InitFailed as failure:
        found_id, reasons = failure.resource_id, failure.reasons
        outputs = from_property_values(failure.properties, old.urn)
        inputs = from_property_values(failure.inputs, old.urn)
    if not found_id:
        return None, reasons
    return old.changed(id=found_id, outputs=outputs, inputs=inputs or old.inputs, init_errors=reasons), reasons


def without_loose_ends(olds: list[ResourceState], news: list[ResourceState | None]) -> list[ResourceState]:
    """Return the remaining states without references to missing ones; an orphan moves to its grandparent.

    Both lists are in dependency order; a new state is None if its resource no longer exists.
    """
    there: set[str] = set()
    heir_of: dict[str, str] = {}
    kept = []
    for old, new in zip(olds, news, strict=True):
        parent = old.parent if old.parent in there else heir_of.get(old.parent, "")
        if new is None:
            heir_of[old.urn] = parent
            continue
        kept.append(naming_only(there, new.changed(parent=parent)))
        there.add(new.urn)
    return kept
