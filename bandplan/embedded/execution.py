"""Carrying out one step: call the provider, write to the journal before and after, and emit the events."""

import time
from collections.abc import Callable

from bandplan.embedded.account import Account
from bandplan.embedded.importing import imported
from bandplan.embedded.journal import Journal
from bandplan.embedded.providers import Providers
from bandplan.embedded.recovery import Recovery
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.steps import Op, Step
from bandplan.embedded.terms import Terms
from bandplan.embedded.values import from_property_values
from bandplan.plugin.errors import InitFailed, ProviderError


class Execution:
    """Creates, updates and imports resources. Thread-safe. Each method reports failures and raises StepStopped."""

    def __init__(
        self,
        providers: Providers,
        journal: Journal,
        account: Account,
        recovery: Recovery,
        terms: Terms,
    ) -> None:
        self._providers = providers
        self._journal = journal
        self._account = account
        self._recovery = recovery
        self._terms = terms

    def create(self, step: Step, index: int | None) -> ResourceState:
        """Create a resource, replacing the checkpoint's entry `index` if there is one."""
        stamp = self._terms.now()
        new = _wanted(step).changed(created=stamp, modified=stamp)

        def call() -> ResourceState:
            if not new.custom:
                return new
            if not self._terms.is_preview and (found := self._recovery.find(new)) is not None:
                self._account.inform(new.urn, "taken over: the killed run had created it")
                return new.changed(id=found[0], outputs=found[1])
            new_id, outputs = self._providers.create(
                new.urn, new.inputs, new.custom_timeouts.create, self._terms.is_preview
            )
            if not new_id and not self._terms.is_preview:
                raise ProviderError(f"{new.name}: the provider returned no id for the new resource")
            return new.changed(id=new_id, outputs=outputs)

        # A replacement created first leaves the old one in the state, marked for deletion at the end of the run.
        is_condemned = step.op is Op.CREATE_REPLACEMENT and step.old is not None and not step.old.pending_replacement
        return self._carry_out(step, "creating", call, new, index, is_condemned)

    def update(self, step: Step, index: int | None) -> ResourceState:
        """Change a resource in place. `index` is None if this run has imported it."""
        old, wanted = step.old, _wanted(step)
        assert old is not None
        new = wanted.changed(id=old.id, modified=self._terms.now() if wanted.custom else wanted.modified)

        def call() -> ResourceState:
            if not new.custom:
                return new
            timeout = new.custom_timeouts.update
            return new.changed(
                outputs=self._providers.update(old, new.inputs, timeout, new.ignore_changes, self._terms.is_preview)
            )

        return self._carry_out(step, "updating", call, new, index, is_condemned=False)

    def take_in(self, step: Step, index: int | None) -> ResourceState:
        """Import a resource: its state is what the provider reads, in previews too. An old one is condemned."""
        stamp = self._terms.now()
        new = _wanted(step).changed(created=stamp, modified=stamp)
        is_condemned = step.old is not None and not step.old.pending_replacement
        return self._carry_out(step, "importing", lambda: imported(self._providers, new), new, index, is_condemned)

    def _carry_out(
        self,
        step: Step,
        act: str,
        call: Callable[[], ResourceState],
        new: ResourceState,
        index: int | None,
        is_condemned: bool,
    ) -> ResourceState:
        """Record the result of `call` in place of entry `index`; `new` is what is known before the call."""
        self._account.begin(step)
        began = time.monotonic()
        if self._terms.is_preview:
            result = call()
            self._account.end(step, time.monotonic() - began)
            return result
        sequence = self._journal.start(new, act)
        try:
            result = call()
        except InitFailed as failure:
            kept = new.changed(
                id=new.id or failure.resource_id,
                # After an incomplete update, the next run must find the difference again.
                inputs=step.old.inputs if step.op is Op.UPDATE and step.old is not None else new.inputs,
                outputs=from_property_values(failure.properties, new.urn),
                init_errors=failure.reasons,
            )
            self._journal.record(kept, index, sequence, is_condemned=is_condemned)
            raise self._account.fail_step(step, failure) from failure
        except Exception as error:
            self._journal.fail(sequence)
            raise self._account.fail_step(step, error) from error
        self._journal.record(result, index, sequence, is_condemned=is_condemned)
        self._account.end(step, time.monotonic() - began)
        return result


def _wanted(step: Step) -> ResourceState:
    assert step.new is not None
    return step.new
