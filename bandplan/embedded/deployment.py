"""One run of a program against a stack: compare, plan and carry out each registered resource.

`Deployment.register` is called from many threads concurrently, once per resource; a call blocks until its steps are
done, and the program's own data flow determines the order. `deletions.delete_the_rest` deletes what is no longer
registered.
"""

import threading
from concurrent.futures import Executor
from typing import Any

from bandplan.embedded.account import Account, worded
from bandplan.embedded.checkpoint import Snapshot
from bandplan.embedded.claims import Claims
from bandplan.embedded.default_providers import DefaultProviders
from bandplan.embedded.deletions import Deletions
from bandplan.embedded.diff import Diff, replacement_because
from bandplan.embedded.errors import EngineError, StepStopped, Unsupported
from bandplan.embedded.execution import Execution
from bandplan.embedded.goal import Goal
from bandplan.embedded.importing import is_import, replacing_imported
from bandplan.embedded.journal import Journal
from bandplan.embedded.paths import keep_old
from bandplan.embedded.planning import Verdict, judge
from bandplan.embedded.policies import Policies
from bandplan.embedded.providers import CheckFailed, Providers, describe_failures
from bandplan.embedded.recovery import IdOf, Recovery, no_id
from bandplan.embedded.refreshing import Refresh
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.steps import Op, Step
from bandplan.embedded.terms import Terms
from bandplan.embedded.unfinished import unfinished_parents
from bandplan.embedded.values import same_value
from bandplan.plugin.errors import ProviderError


class Deployment:
    """The state of one preview or one update."""

    def __init__(
        self,
        terms: Terms,
        providers: Providers,
        journal: Journal,
        account: Account,
        id_of: IdOf = no_id,
        policies: Policies | None = None,
    ) -> None:
        """Set what the run needs; for `id_of` see `recovery`."""
        self.outputs: dict[str, Any] = {}
        self.account = account
        self._claims = Claims()
        self._defaults = DefaultProviders(terms, providers, journal, self._claims)
        self.deletions = Deletions(providers, self._defaults, journal, self._claims, account, terms.is_preview)
        self._recovery = Recovery(journal.progress.base, providers, self._defaults, id_of)
        self._execution = Execution(providers, journal, account, self._recovery, terms)
        self._providers = providers
        self._policies = policies
        self._journal = journal
        self._terms = terms
        self._lock = threading.Lock()
        self._states: dict[str, ResourceState] = {}
        self._attempted: dict[str, str] = {}
        self._registered_outputs: dict[str, dict[str, Any]] = {}
        self._replaced: set[str] = set()
        self._olds = journal.progress.base.by_urn()

    # ------------------------------------------------------------------ registering

    def register(self, goal: Goal) -> ResourceState:
        """Bring one resource to its declared state and return the result. StepStopped if that failed."""
        if self.account.is_stopped:
            raise StepStopped(goal.urn)
        if not self._claims.register(goal.urn):
            raise self.account.fail(
                goal.urn,
                f"duplicate resource URN {goal.urn!r}: two resources of the same type have the same name; rename one",
            )
        if goal.custom:
            self._attempted[goal.urn] = goal.parent
        try:
            provider = self._defaults.reference(goal) if goal.custom else ""
            with self._lock:
                parent = self._states.get(goal.parent)
            state = self._bring_about(goal, _wanted_state(goal, provider, parent))
        except StepStopped:
            raise
        except CheckFailed as error:
            raise self.account.fail(goal.urn, str(describe_failures(goal.urn, error))) from error
        except (EngineError, ProviderError) as error:
            raise self.account.fail(goal.urn, str(error)) from error
        except Exception as error:
            self.account.fail(goal.urn, f"the provider of {goal.type} failed unexpectedly: {worded(error)}")
            raise
        with self._lock:
            self._states[goal.urn] = state
        return state

    def register_outputs(self, urn: str, outputs: dict[str, Any]) -> None:
        """Record the outputs of a component or of the stack."""
        with self._lock:
            state = self._states.get(urn)
        if state is None:
            raise EngineError(f"{urn}: has outputs but was never registered")
        old = self._olds.get(urn)
        self._registered_outputs[urn] = outputs
        if state.is_stack:
            if self.account.failures:
                # The program may have stopped before the missing outputs.
                outputs = {**(old[1].outputs if old else {}), **outputs}
            self.outputs = outputs
        if not self._terms.is_preview:
            is_changed = old is None or not same_value(old[1].outputs, outputs)
            self._journal.outputs(urn, outputs, changed=is_changed)

    def judge_stack(self) -> None:
        """Check the whole stack against the policies once the program has ended without errors."""
        if self._policies is not None:
            self._policies.judge_stack(self._states.values(), self._registered_outputs)

    def refresh(self, executor: Executor) -> list[ResourceState]:
        """Return the resources of the stack as the providers find them now."""
        return Refresh(self._providers, self._defaults, self._journal, self.account, self._terms.now()).run(executor)

    def settled(self) -> tuple[Snapshot, list[tuple[str, str]]]:
        """Return the stack with the results of a killed run's operations, and (URN, finding) pairs. Writes nothing."""
        return self._recovery.settled(self._terms.now())

    def unfinished(self, resources: list[ResourceState]) -> frozenset[str]:
        """Return the parents of resources that this run began or never reached; `resources` is the current stack."""
        with self._lock:
            finished = dict(self._states)
        return unfinished_parents(self._journal.progress.base, resources, dict(self._attempted), finished)

    def stop(self) -> None:
        """Start nothing more; ask providers to end their running operations soon and to report how far they got."""
        self.account.is_stopped = True
        self._providers.cancel()

    def _bring_about(self, goal: Goal, new: ResourceState) -> ResourceState:
        index, old = self._olds.get(goal.urn, (None, None))
        if old is not None and old.external:
            raise Unsupported("creating a resource that the state records as read, not created,", goal.urn)
        if old is not None and old.custom != goal.custom:
            raise Unsupported(
                "turning a resource into a component of the same name and type, or the reverse,", goal.urn
            )
        if not goal.custom:
            self._judge(new)
            return self._bring_about_component(new, index, old)
        forced_keys = self._claims.condemned_keys(goal.urn) if old is not None else None
        if forced_keys is not None and self.account.is_stopped:
            raise StepStopped(goal.urn)
        if is_import(goal, old):
            old = self._import(new, index, old if forced_keys is None else None)
            return self._change(goal, new.changed(created=old.created, modified=old.modified), None, old)
        if old is None or index is None:
            new = self._judge(self._checked_anew(goal, new))
            return self._execution.create(Step(Op.CREATE, goal.urn, new=new), None)
        if forced_keys is not None:
            return self._make_again(self._judge(self._checked_anew(goal, new)), index, forced_keys)
        return self._change(goal, new.changed(created=old.created, modified=old.modified), index, old)

    def _change(self, goal: Goal, new: ResourceState, index: int | None, old: ResourceState) -> ResourceState:
        """Change `old` to what the program declares. `index` is None if this run has just imported `old`."""
        inputs, kept = keep_old(goal.properties, old.inputs, goal.ignore_changes)
        if kept:
            paths = ", ".join(kept)
            self.account.inform(goal.urn, f"cannot ignore changes in added or removed elements of the path: {paths!r}")
        olds_for_check = {} if old.is_tainted else old.inputs
        new = self._judge(new.changed(inputs=self._providers.check(goal.urn, olds_for_check, inputs)))
        verdict = judge(old, self._diff(old, new), goal.replace_on_changes, goal.delete_before_replace)
        match verdict.kind:
            case "same":
                return old if index is None else self._same(new, index, old)
            case "update":
                return self._execution.update(_step(Op.UPDATE, old, new, verdict), index)
            case _:
                self._refuse_replacing_protected(old, new)
                if goal.import_id:
                    self._refuse_replacing_imported(old, new, verdict)
                return self._replace(old, self._checked_anew(goal, new), index, verdict)

    def _bring_about_component(self, new: ResourceState, index: int | None, old: ResourceState | None) -> ResourceState:
        if old is None:
            return self._execution.create(Step(Op.CREATE, new.urn, new=new), None)
        if old.is_tainted:
            raise Unsupported("replacing a tainted component", new.urn)
        new = new.changed(created=old.created, modified=old.modified)
        if same_value(old.inputs, new.inputs):
            return self._same(new, index, old)
        # Pulumi's engine names no keys for a component: it has no provider to ask.
        return self._execution.update(Step(Op.UPDATE, new.urn, old, new), index)

    def _judge(self, new: ResourceState) -> ResourceState:
        """Return `new` if no policy stops it. StepStopped in an update if one does."""
        if self._policies is not None:
            self._policies.judge(new)
        return new

    def _checked_anew(self, goal: Goal, new: ResourceState) -> ResourceState:
        """Return `new` with its inputs checked as those of a resource that never existed."""
        return new.changed(inputs=self._providers.check(goal.urn, {}, goal.properties))

    def _diff(self, old: ResourceState, new: ResourceState) -> Diff:
        if old.is_tainted:
            return replacement_because("id")
        if new.deleted_with in self._replaced:
            return replacement_because("deletedWith")
        return self._providers.diff(old, new.inputs, new.ignore_changes)

    def _refuse_replacing_protected(self, old: ResourceState, new: ResourceState) -> None:
        if not (old.protect and new.protect):
            return
        message = f"{new.name}: must be replaced but is protected; remove `protect` first"
        if not self._terms.is_preview:
            raise EngineError(message)
        self.account.fail_later(new.urn, message)

    def _refuse_replacing_imported(self, old: ResourceState, new: ResourceState, verdict: Verdict) -> None:
        message = replacing_imported(old, new, verdict)
        if not self._terms.is_preview:
            raise EngineError(f"{new.name}: {message}")
        self.account.warn(new.urn, message)

    # ------------------------------------------------------------------ steps

    def _import(self, new: ResourceState, index: int | None, old: ResourceState | None) -> ResourceState:
        """Import a resource by its id; it takes the place of `old`, which has the same name."""
        if old is None:
            return self._execution.take_in(Step(Op.IMPORT, new.urn, new=new), index)
        with self._lock:
            self._replaced.add(new.urn)
        state = self._execution.take_in(Step(Op.IMPORT_REPLACEMENT, new.urn, old, new), index)
        self._tell_replaced(Step(Op.REPLACE, new.urn, old.changed(delete=True), state))
        return state

    def _make_again(self, new: ResourceState, index: int, keys: list[str]) -> ResourceState:
        """Create a resource again that was deleted in this run to make room for another."""
        marked = self._journal.progress.olds[index]
        assert marked is not None
        with self._lock:
            self._replaced.add(new.urn)
        self.account.tell(Step(Op.REPLACE, new.urn, marked, new))
        return self._execution.create(Step(Op.CREATE_REPLACEMENT, new.urn, marked, new, replace_keys=keys), index)

    def _same(self, new: ResourceState, index: int | None, old: ResourceState) -> ResourceState:
        new = new.changed(id=old.id, outputs=old.outputs, other=old.other)
        step = Step(Op.SAME, new.urn, old, new)
        self.account.begin(step)
        if not self._terms.is_preview:
            is_changed = new.changed(source_position=old.source_position) != old
            self._journal.record(new, index, changed=is_changed)
        self.account.end(step, 0.0)
        return new

    def _replace(self, old: ResourceState, new: ResourceState, index: int | None, verdict: Verdict) -> ResourceState:
        with self._lock:
            self._replaced.add(old.urn)
        if verdict.delete_first:
            if index is None:  # just imported, so only a preview gets here: nothing must be deleted first
                marked = old.changed(pending_replacement=True)
            else:
                marked = self.deletions.make_room(index, old, verdict.diff.replace_keys)
            self.account.tell(_step(Op.REPLACE, marked, new, verdict))
            return self._execution.create(_step(Op.CREATE_REPLACEMENT, marked, new, verdict), index)
        state = self._execution.create(_step(Op.CREATE_REPLACEMENT, old, new, verdict), index)
        self._tell_replaced(_step(Op.REPLACE, old.changed(delete=True), state, verdict))
        return state

    def _tell_replaced(self, step: Step) -> None:
        step.is_done = True
        self.account.tell(step)


def _wanted_state(goal: Goal, provider: str, parent: ResourceState | None) -> ResourceState:
    """Return the declared state; open options come from the parent, as in `inheritFromParent` (source_eval.go)."""
    above = parent or ResourceState("", "", custom=False)
    return ResourceState(
        urn=goal.urn,
        type=goal.type,
        custom=goal.custom,
        inputs=goal.properties,
        parent=goal.parent,
        protect=above.protect if goal.protect is None else goal.protect,
        dependencies=goal.dependencies,
        property_dependencies=goal.property_dependencies,
        provider=provider,
        custom_timeouts=goal.custom_timeouts,
        import_id=goal.import_id if goal.custom else "",
        retain_on_delete=above.retain_on_delete if goal.retain_on_delete is None else goal.retain_on_delete,
        deleted_with=goal.deleted_with or above.deleted_with,
        source_position=goal.source_position,
        ignore_changes=goal.ignore_changes,
        replace_on_changes=goal.replace_on_changes,
    )


def _step(op: Op, old: ResourceState, new: ResourceState, verdict: Verdict) -> Step:
    diff = verdict.diff
    return Step(op, new.urn, old, new, diff.diffs, diff.replace_keys, diff.detailed)
