"""One run of a program against a stack: each registered resource is compared, planned and carried out here.

`Deployment.register` is called from many threads at once, one call per resource; a call blocks until its steps are
done, and the program's own data flow gives the order. `delete_the_rest` deletes what is no longer registered.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from embedded.errors import EngineError, UpdateFailed
from embedded.events import Diagnosed, Event, StepBegan, StepEnded, StepFailed
from embedded.goal import Goal
from embedded.journal import Journal
from embedded.ordering import deletion_waves, in_dependency_order
from embedded.planning import Verdict, dependent_replacements, input_diff, judge, keep_ignored
from embedded.providers import (
    CheckFailed,
    Diff,
    Providers,
    default_provider_name,
    describe_failures,
    new_provider_id,
    package_of,
)
from embedded.resource import PROVIDER_TYPE_PREFIX, ResourceState
from embedded.steps import COUNTED, Op, PropertyDiff, Step
from embedded.values import UNKNOWN_SENTINEL, from_property_values
from plugin.errors import InitFailed, ProviderError


class StepStopped(Exception):
    """This resource was not worked on, or its step failed; the failure has been told already."""


class Deployment:
    """The state of one run. Made for one preview or one update, then thrown away."""

    def __init__(
        self,
        urn_prefix: str,
        providers: Providers,
        journal: Journal,
        emit: Callable[[Event], None],
        now: Callable[[], str],
        is_preview: bool,
    ) -> None:
        """`urn_prefix` is `urn:pulumi:<stack>::<project>`; `now` gives RFC 3339 times in UTC."""
        self.changes: dict[str, int] = {}
        self.outputs: dict[str, Any] = {}
        self.failures: list[str] = []
        self.is_stopped = False
        self._urn_prefix = urn_prefix
        self._providers = providers
        self._journal = journal
        self._emit = emit
        self._now = now
        self._is_preview = is_preview
        self._lock = threading.Lock()
        self._provider_lock = threading.Lock()
        self._provider_references: dict[tuple[str, str], str] = {}
        self._registered: dict[str, ResourceState | None] = {}
        self._deleted_first: dict[str, list[str]] = {}
        self._olds: dict[str, tuple[int, ResourceState]] = {
            state.urn: (index, state) for index, state in enumerate(journal.progress.base.resources) if not state.delete
        }

    # ------------------------------------------------------------------ registering

    def register(self, goal: Goal) -> ResourceState:
        """Bring one resource to what the program wants; returns its state. StepStopped when that came to nothing."""
        self._claim(goal.urn)
        try:
            provider = self._provider_reference(goal) if goal.custom else ""
            new = self._wanted_state(goal, provider)
            state = self._bring_about(goal, new)
        except StepStopped:
            raise
        except (EngineError, ProviderError, CheckFailed) as error:
            message = str(describe_failures(goal.urn, error)) if isinstance(error, CheckFailed) else str(error)
            self._fail(goal.urn, message)
            raise StepStopped(goal.urn) from error
        except Exception as error:
            self._fail(goal.urn, f"the provider of {goal.type} failed unexpectedly: {_worded(error)}")
            raise
        with self._lock:
            self._registered[goal.urn] = state
        return state

    def register_outputs(self, urn: str, outputs: dict[str, Any]) -> None:
        """Record what a component, or the stack, exports."""
        with self._lock:
            state = self._registered.get(urn)
        if state is None:
            raise EngineError(f"{urn}: has outputs but was never registered")
        if state.is_stack:
            self.outputs = outputs
        if self._is_preview:
            return
        old = self._olds.get(urn)
        self._journal.outputs(urn, outputs, changed=old is None or old[1].outputs != outputs)

    def stop(self) -> None:
        """Begin nothing more; providers are told to end soon what is under way, and to say how far it is."""
        self.is_stopped = True
        self._providers.cancel()

    def _claim(self, urn: str) -> None:
        with self._lock:
            if self.is_stopped:
                raise StepStopped(urn)
            is_taken = urn in self._registered
            self._registered.setdefault(urn, None)
        if is_taken:
            self._fail(urn, f"duplicate resource URN {urn!r}: two resources of one type have the same name; rename one")
            raise StepStopped(urn)

    def _wanted_state(self, goal: Goal, provider: str) -> ResourceState:
        return ResourceState(
            urn=goal.urn,
            type=goal.type,
            custom=goal.custom,
            inputs=goal.properties,
            parent=goal.parent,
            protect=goal.protect,
            dependencies=goal.dependencies,
            property_dependencies=goal.property_dependencies,
            provider=provider,
            custom_timeouts=goal.custom_timeouts,
            retain_on_delete=goal.retain_on_delete,
            deleted_with=goal.deleted_with,
            source_position=goal.source_position,
            ignore_changes=goal.ignore_changes,
            replace_on_changes=goal.replace_on_changes,
        )

    def _bring_about(self, goal: Goal, new: ResourceState) -> ResourceState:
        index, old = self._olds.get(goal.urn, (None, None))
        if not goal.custom:
            return self._bring_about_component(new, index, old)
        forced_keys = self._deleted_first.get(goal.urn)
        if old is None or forced_keys is not None:
            new = new.changed(inputs=self._providers.check(goal.urn, {}, goal.properties))
            if old is None:
                return self._create(Step(Op.CREATE, goal.urn, new=new), None)
            self._tell(Step(Op.REPLACE, goal.urn, old, new))
            return self._create(Step(Op.CREATE_REPLACEMENT, goal.urn, old, new, replace_keys=forced_keys or []), index)
        inputs = keep_ignored(goal.properties, old.inputs, goal.ignore_changes)
        new = new.changed(
            inputs=self._providers.check(goal.urn, old.inputs, inputs), created=old.created, modified=old.modified
        )
        verdict = judge(
            old, self._diff(old, new.inputs, goal.ignore_changes), goal.replace_on_changes, goal.delete_before_replace
        )
        match verdict.kind:
            case "same":
                return self._same(new, index, old)
            case "update":
                return self._update(_step(Op.UPDATE, old, new, verdict), index)
            case _:
                if old.protect and new.protect:
                    raise EngineError(f"{new.name}: has to be replaced but is protected; remove `protect` first")
                new = new.changed(inputs=self._providers.check(goal.urn, {}, goal.properties))
                return self._replace(old, new, index, verdict)

    def _bring_about_component(self, new: ResourceState, index: int | None, old: ResourceState | None) -> ResourceState:
        if old is None:
            return self._create(Step(Op.CREATE, new.urn, new=new), None)
        new = new.changed(created=old.created, modified=old.modified, outputs=old.outputs)
        if old.inputs == new.inputs:
            return self._same(new, index, old)
        # Pulumi's engine names no keys for a component: it has no provider to ask.
        return self._update(Step(Op.UPDATE, new.urn, old, new), index)

    def _diff(self, old: ResourceState, inputs: dict[str, Any], ignore_changes: list[str]) -> Diff:
        diff = self._providers.diff(old, inputs, ignore_changes)
        return input_diff(old.inputs, inputs) if diff.changes is None else diff

    # ------------------------------------------------------------------ steps

    def _same(self, new: ResourceState, index: int | None, old: ResourceState) -> ResourceState:
        new = new.changed(id=old.id, outputs=old.outputs, other=old.other)
        step = Step(Op.SAME, new.urn, old, new)
        self._begin(step)
        if not self._is_preview:
            is_changed = new.changed(source_position=old.source_position) != old
            self._journal.record(new, index, changed=is_changed)
        self._end(step, 0.0)
        return new

    def _create(self, step: Step, index: int | None) -> ResourceState:
        new = step.new
        assert new is not None
        self._begin(step)
        began = time.monotonic()
        if self._is_preview:
            if new.custom:
                new_id, outputs = self._providers.create(new.urn, new.inputs, new.custom_timeouts.create, True)
                new = new.changed(id=new_id, outputs=outputs)
            self._end(step, time.monotonic() - began)
            return new
        sequence = self._journal.start(new, "creating")
        stamp = self._now()
        try:
            if new.custom:
                new_id, outputs = self._providers.create(new.urn, new.inputs, new.custom_timeouts.create, False)
                if not new_id:
                    raise ProviderError(f"{new.name}: the provider returned no id for the new resource")
                new = new.changed(id=new_id, outputs=outputs)
        except InitFailed as failure:
            kept = new.changed(
                id=failure.resource_id,
                outputs=from_property_values(failure.properties, new.urn),
                init_errors=failure.reasons,
                created=stamp,
                modified=stamp,
            )
            self._journal.record(kept, self._settle_old(step, index), sequence)
            raise self._failed(step, str(failure)) from failure
        except Exception as error:
            self._journal.fail(sequence)
            raise self._failed(step, _worded(error)) from error
        new = new.changed(created=stamp, modified=stamp)
        self._journal.record(new, self._settle_old(step, index), sequence)
        self._end(step, time.monotonic() - began)
        return new

    def _update(self, step: Step, index: int | None) -> ResourceState:
        old, new = step.old, step.new
        assert old is not None and new is not None
        self._begin(step)
        began = time.monotonic()
        new = new.changed(id=old.id)
        if self._is_preview:
            if new.custom:
                timeout = new.custom_timeouts.update
                new = new.changed(outputs=self._providers.update(old, new.inputs, timeout, new.ignore_changes, True))
            self._end(step, time.monotonic() - began)
            return new
        sequence = self._journal.start(new, "updating")
        try:
            if new.custom:
                timeout = new.custom_timeouts.update
                new = new.changed(outputs=self._providers.update(old, new.inputs, timeout, new.ignore_changes, False))
        except InitFailed as failure:
            kept = new.changed(
                outputs=from_property_values(failure.properties, new.urn),
                init_errors=failure.reasons,
                modified=self._now(),
            )
            self._journal.record(kept, index, sequence)
            raise self._failed(step, str(failure)) from failure
        except Exception as error:
            self._journal.fail(sequence)
            raise self._failed(step, _worded(error)) from error
        new = new.changed(modified=self._now())
        self._journal.record(new, index, sequence)
        self._end(step, time.monotonic() - began)
        return new

    def _replace(self, old: ResourceState, new: ResourceState, index: int | None, verdict: Verdict) -> ResourceState:
        replace = _step(Op.REPLACE, old, new, verdict)
        create = _step(Op.CREATE_REPLACEMENT, old, new, verdict)
        if not verdict.delete_first:
            state = self._create(create, index)
            replace.old, replace.new, replace.is_done = old.changed(delete=True), state, True
            self._tell(replace)
            return state
        self._delete_dependents_first(old)
        if not old.pending_replacement:
            self._delete_first(old, verdict.diff.replace_keys)
        marked = old.changed(pending_replacement=True)
        self._tell(Step(Op.REPLACE, old.urn, marked, new, replace.diffs, replace.replace_keys, replace.detailed_diff))
        return self._create(create, index)

    def _delete_dependents_first(self, root: ResourceState) -> None:
        with self._lock:
            registered = frozenset(self._registered) - {root.urn}
        olds = [state for state in self._journal.progress.base.resources if not state.delete]
        for state, keys in reversed(dependent_replacements(root, olds, registered, self._diff_ignoring_none)):
            if state.urn in self._deleted_first:
                continue
            if state.protect:
                raise EngineError(
                    f"{state.name}: has to be deleted to replace {root.name} but is protected; remove `protect` first"
                )
            if state.pending_replacement:
                continue
            self._delete_first(state, keys)
            self._deleted_first[state.urn] = keys

    def _diff_ignoring_none(self, state: ResourceState, inputs: dict[str, Any]) -> Diff:
        self._ensure_configured(state)
        return self._diff(state, inputs, state.ignore_changes)

    def _delete_first(self, state: ResourceState, keys: list[str]) -> None:
        """Delete before the replacement is made; the entry stays in the state as pending until it is."""
        step = Step(Op.DELETE_REPLACED, state.urn, state, replace_keys=keys)
        self._begin(step)
        began = time.monotonic()
        if not self._is_preview:
            index = self._olds[state.urn][0]
            sequence = self._journal.start(state, "deleting")
            try:
                self._call_delete(state, frozenset())
            except Exception as error:
                self._journal.fail(sequence)
                raise self._failed(step, _worded(error)) from error
            self._journal.mark(index, state.changed(pending_replacement=True))
            self._journal.fail(sequence)
        self._end(step, time.monotonic() - began)

    def _settle_old(self, step: Step, index: int | None) -> int | None:
        """The old entry that a new state takes the place of.

        None when a replacement was made first: then the old side stays, marked, to be deleted at the end of the run.
        """
        if step.op is not Op.CREATE_REPLACEMENT or index is None:
            return index
        current = self._journal.progress.olds[index]
        if current is None or current.pending_replacement:
            return index
        self._journal.mark(index, current.changed(delete=True))
        return None

    # ------------------------------------------------------------------ deleting

    def delete_the_rest(self, executor: Executor) -> None:
        """Delete what the program did not register and what replacements left over, dependents first."""
        with self._lock:
            registered = frozenset(self._registered)
        condemned: list[tuple[int, ResourceState]] = []
        for index, state in enumerate(self._journal.progress.olds):
            if state is None:
                continue
            if state.urn in registered and not state.delete:
                continue
            if state.pending_replacement and state.urn not in registered:
                if not self._is_preview:
                    self._journal.gone(index, self._journal.start(state, "deleting"))
                continue
            condemned.append((index, state))
        self.delete(condemned, executor, registered)

    def delete(
        self, condemned: list[tuple[int, ResourceState]], executor: Executor, registered: frozenset[str] = frozenset()
    ) -> None:
        """Delete these entries (index in the checkpoint, state), dependents first; a failed wave is the last."""
        index_of = {id(state): index for index, state in condemned}
        together = frozenset(state.urn for _, state in condemned)
        ordered = in_dependency_order([state for _, state in condemned])
        for wave in deletion_waves(ordered):
            if self.is_stopped:
                return
            jobs = [
                executor.submit(self._delete_one, index_of[id(state)], state, together, registered) for state in wave
            ]
            for job in jobs:
                job.result()

    def _delete_one(
        self, index: int, state: ResourceState, together: frozenset[str], registered: frozenset[str]
    ) -> None:
        if self.is_stopped:
            return
        is_replaced = state.delete or state.urn in registered
        step = Step(Op.DELETE_REPLACED if is_replaced else Op.DELETE, state.urn, state)
        self._begin(step)
        began = time.monotonic()
        if not self._is_preview:
            sequence = self._journal.start(state, "deleting")
            try:
                if state.protect and not is_replaced:
                    raise EngineError(
                        f"{state.name}: is protected; remove `protect` from the program and run up before deleting it"
                    )
                self._call_delete(state, together)
            except Exception as error:
                self._journal.fail(sequence)
                self._failed(step, _worded(error))
                return
            self._journal.gone(index, sequence)
        self._end(step, time.monotonic() - began)

    def _call_delete(self, state: ResourceState, together: frozenset[str]) -> None:
        is_ours = state.custom and not state.external and not state.is_provider and not state.retain_on_delete
        if is_ours and state.deleted_with not in together:
            self._ensure_configured(state)
            self._providers.delete(state, state.custom_timeouts.delete)

    def read(self, state: ResourceState) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """(id, outputs, inputs) of a recorded resource as its provider finds it; an empty id when it is gone."""
        self._ensure_configured(state)
        return self._providers.read(state)

    # ------------------------------------------------------------------ providers

    def _provider_reference(self, goal: Goal) -> str:
        """`<urn>::<id>` of the default provider for a resource, registered on first use."""
        if goal.type.startswith(PROVIDER_TYPE_PREFIX) or goal.provider:
            raise EngineError(
                f"{goal.name}: explicit provider instances are not supported by the embedded engine; "
                "configure the default provider, or run with --engine pulumi"
            )
        package = package_of(goal.type)
        with self._provider_lock:
            known = self._provider_references.get((package, goal.version))
            if known is None:
                known = self._register_default_provider(package, goal.version)
                self._provider_references[(package, goal.version)] = known
            return known

    def _register_default_provider(self, package: str, version: str) -> str:
        type_ = f"{PROVIDER_TYPE_PREFIX}{package}"
        urn = f"{self._urn_prefix}::{type_}::{default_provider_name(version)}"
        index, old = self._olds.get(urn, (None, None))
        inputs = self._providers.configure(package, self._providers.default_inputs(package, version), urn)
        # The CLI keeps its own bookkeeping of a provider apart in the inputs, under this key.
        new = ResourceState(urn, type_, custom=True, inputs={**inputs, "__internal": {}}, outputs=inputs)
        with self._lock:
            self._registered[urn] = new
        if old is not None:
            new = new.changed(id=old.id, created=old.created, modified=old.modified, other=old.other)
            is_changed = new.outputs != old.outputs
            if not self._is_preview:
                self._journal.record(new, index, changed=is_changed)
        else:
            stamp = self._now()
            new = new.changed(
                id=UNKNOWN_SENTINEL if self._is_preview else new_provider_id(), created=stamp, modified=stamp
            )
            if not self._is_preview:
                self._journal.record(new, None)
        return f"{urn}::{new.id}"

    def _ensure_configured(self, state: ResourceState) -> None:
        """Configure the provider of a recorded resource from the provider's record, when the program did not."""
        package = package_of(state.type)
        with self._provider_lock:
            if any(name == package for name, _ in self._provider_references):
                return
            recorded = self._olds.get(state.provider_urn)
            inputs = dict(recorded[1].outputs) if recorded else {}
            # The stack's configuration of today wins over what was recorded, as it does when the program runs.
            inputs.update(self._providers.default_inputs(package, str(inputs.get("version", ""))))
            self._providers.configure(package, inputs, state.provider_urn)
            self._provider_references[(package, str(inputs.get("version", "")))] = state.provider

    # ------------------------------------------------------------------ telling

    def _begin(self, step: Step) -> None:
        self._emit(StepBegan(step))

    def _end(self, step: Step, seconds: float) -> None:
        self._count(step)
        self._emit(StepEnded(step, seconds))

    def _tell(self, step: Step) -> None:
        """A step that says what others did, such as `replace`: nothing is carried out."""
        self._begin(step)
        self._end(step, 0.0)

    def _count(self, step: Step) -> None:
        if step.op in COUNTED and not step.resource.is_provider:
            with self._lock:
                self.changes[step.op.value] = self.changes.get(step.op.value, 0) + 1

    def _fail(self, urn: str, message: str) -> None:
        with self._lock:
            self.is_stopped = True
            self.failures.append(message)
        self._emit(Diagnosed("error", message, urn))

    def _failed(self, step: Step, message: str) -> StepStopped:
        with self._lock:
            self.is_stopped = True
            self.failures.append(message)
        self._emit(StepFailed(step, message))
        return StepStopped(step.urn)

    def raise_failures(self) -> None:
        """UpdateFailed when any step failed."""
        if self.failures:
            raise UpdateFailed(f"{len(self.failures)} error{'s' if len(self.failures) > 1 else ''}")


def _step(op: Op, old: ResourceState, new: ResourceState, verdict: Verdict) -> Step:
    diff = verdict.diff
    detailed: dict[str, PropertyDiff] | None = diff.detailed
    return Step(op, new.urn, old, new, diff.diffs, diff.replace_keys, detailed)


def _worded(error: Exception) -> str:
    if isinstance(error, (ProviderError, EngineError)):
        return str(error)
    return f"{type(error).__name__}: {error}"
