"""The deletions of a run: before a replacement is created, and at the end, of resources that are no longer declared."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Executor

from bandplan.embedded.account import Account
from bandplan.embedded.claims import Claims
from bandplan.embedded.default_providers import DefaultProviders
from bandplan.embedded.diff import Diff
from bandplan.embedded.errors import EngineError, StepStopped
from bandplan.embedded.journal import Journal
from bandplan.embedded.ordering import deletion_waves, in_dependency_order
from bandplan.embedded.planning import dependent_replacements
from bandplan.embedded.providers import Providers
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.steps import Op, Step


class Deletions:
    """Deletes entries of the checkpoint that the run started from, dependents first."""

    def __init__(
        self,
        providers: Providers,
        defaults: DefaultProviders,
        journal: Journal,
        claims: Claims,
        account: Account,
        is_preview: bool,
    ) -> None:
        """Set what deletions need; `journal` knows the entries."""
        self._providers = providers
        self._defaults = defaults
        self._journal = journal
        self._claims = claims
        self._account = account
        self._is_preview = is_preview
        self._lock = threading.Lock()
        self._deleted: set[str] = set()
        """URNs of all deletions decided so far; a resource that is `deleted_with` one of them needs no call of its own.
        """

    # ------------------------------------------------------------------ before a replacement

    def make_room(self, index: int, root: ResourceState, keys: list[str]) -> ResourceState:
        """Delete `root` and everything that cannot outlive it, to create them again; return the resulting `root`.

        Its entry and those of its dependents stay in the state as pending replacement until they are created again.
        """
        olds = self._journal.progress.base.resources
        first = dependent_replacements(root, olds, self._claims.registered - {root.urn}, self._diff)
        self._refuse_protected(root, [state for _, state, _ in first])
        taken = self._claims.condemn({state.urn: forced for _, state, forced in first if not state.delete})
        with self._lock:
            self._deleted.update(taken, [root.urn])
        try:
            for place, state, forced in reversed(first):
                if state.delete:
                    self._delete_leftover(place, state)
                elif state.urn in taken:
                    self._delete_for_now(place, state, forced)
                    taken[state.urn].is_over.set()
        finally:
            for condemned in taken.values():
                condemned.is_over.set()
        self._claims.wait_for(state.urn for _, state, _ in first)
        if self._account.is_stopped:
            # Resources claimed by another replacement may still exist.
            raise StepStopped(root.urn)
        return self._delete_for_now(index, root, keys)

    def _delete_leftover(self, index: int, state: ResourceState) -> None:
        """Delete what an earlier replacement left behind, unless this run has done so."""
        if self._journal.progress.olds[index] is not None:
            self._delete_for_good(index, state, is_replaced=False)

    def _refuse_protected(self, root: ResourceState, dependents: Sequence[ResourceState]) -> None:
        for state in dependents:
            if state.protect and not state.delete:
                raise EngineError(
                    f"{state.name}: must be deleted to replace {root.name} but is protected; remove `protect` first"
                )

    def _diff(self, state: ResourceState, inputs: dict[str, object]) -> Diff:
        self._defaults.ensure(state)
        return self._providers.diff(state, inputs, state.ignore_changes)

    def _delete_for_now(self, index: int, state: ResourceState, keys: list[str]) -> ResourceState:
        if state.pending_replacement:
            # An earlier run deleted it and stopped there. Pulumi deletes it again if it is a dependent.
            return state
        step = Step(Op.DELETE_REPLACED, state.urn, state, replace_keys=keys)
        marked = state.changed(pending_replacement=True)
        seconds, sequence = self._call(step, state)
        if self._is_preview:
            self._journal.foresee(index, marked)
        else:
            self._journal.mark(index, marked, sequence)
        self._account.end(step, seconds)
        return marked

    # ------------------------------------------------------------------ at the end

    def delete_the_rest(self, executor: Executor) -> None:
        """Delete what the program did not register and what replacements left behind, dependents first."""
        registered = self._claims.registered
        condemned: list[tuple[int, ResourceState]] = []
        for index, state in enumerate(self._journal.progress.olds):
            if state is None or (state.urn in registered and not state.delete):
                continue
            if state.pending_replacement and not state.delete:
                # It was already deleted to make room; nothing will create it again.
                if not self._is_preview:
                    self._journal.gone(index)
                continue
            condemned.append((index, state))
        self._deleted.update(state.urn for _, state in condemned)
        index_of = {id(state): index for index, state in condemned}
        for wave in deletion_waves(in_dependency_order([state for _, state in condemned])):
            jobs = [executor.submit(self._delete_if_running, index_of[id(state)], state) for state in wave]
            for job in jobs:
                job.result()

    def _delete_if_running(self, index: int, state: ResourceState) -> None:
        """Delete a resource unless the run has stopped. Report a failure, start no further deletions."""
        if self._account.is_stopped:
            return
        try:
            self._delete_for_good(index, state, is_replaced=state.delete)
        except StepStopped:
            pass

    def _delete_for_good(self, index: int, state: ResourceState, is_replaced: bool) -> None:
        step = Step(Op.DELETE_REPLACED if is_replaced else Op.DELETE, state.urn, state)
        seconds, sequence = self._call(step, state)
        if self._is_preview:
            self._journal.foresee(index, None)
        else:
            self._journal.gone(index, sequence)
        self._account.end(step, seconds)

    # ------------------------------------------------------------------ the provider

    def _call(self, step: Step, state: ResourceState) -> tuple[float, int | None]:
        """Delete a resource; return the seconds and the number of its journal line. StepStopped if it failed."""
        self._account.begin(step)
        began = time.monotonic()
        if state.protect and step.op is Op.DELETE:
            raise self._account.fail_step(step, _protected(state))
        if self._is_preview:
            return 0.0, None
        sequence = self._journal.start(state, "deleting")
        try:
            if self._has_to_be_called(state):
                self._defaults.ensure(state)
                self._providers.delete(state, state.custom_timeouts.delete)
        except Exception as error:
            self._journal.fail(sequence)
            raise self._account.fail_step(step, error) from error
        return time.monotonic() - began, sequence

    def _has_to_be_called(self, state: ResourceState) -> bool:
        is_ours = state.custom and not state.external and not state.is_provider and not state.retain_on_delete
        return is_ours and state.deleted_with not in self._deleted


def _protected(state: ResourceState) -> EngineError:
    return EngineError(f"{state.name}: is protected; remove `protect` from the program and run up before deleting it")
