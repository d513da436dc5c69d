"""The default providers of a run: one instance per package and version, registered on first use."""

import threading
from collections.abc import Mapping
from typing import Any

from bandplan.embedded.claims import Claims
from bandplan.embedded.errors import EngineError
from bandplan.embedded.goal import Goal
from bandplan.embedded.journal import Journal
from bandplan.embedded.providers import Providers, default_provider_name, new_provider_id, package_of
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.terms import Terms
from bandplan.wire.sentinels import UNKNOWN as UNKNOWN_SENTINEL
from bandplan.wire.types import PROVIDER_PREFIX


class DefaultProviders:
    """Registers and configures the default providers that the resources of a run need."""

    def __init__(self, terms: Terms, providers: Providers, journal: Journal, claims: Claims) -> None:
        self._terms = terms
        self._providers = providers
        self._journal = journal
        self._claims = claims
        self._lock = threading.Lock()
        self._references: dict[tuple[str, str], str] = {}
        self._ensured: set[str] = set()
        """Packages configured from the state; that does not register them, which is up to the program."""
        self._olds = journal.progress.base.by_urn()

    def reference(self, goal: Goal) -> str:
        """Return `<urn>::<id>` of the default provider for a resource."""
        if goal.type.startswith(PROVIDER_PREFIX) or goal.provider:
            raise EngineError(
                f"{goal.name}: explicit provider instances are not supported by the embedded engine; "
                "configure the default provider, or run with --engine pulumi"
            )
        package = package_of(goal.type)
        with self._lock:
            known = self._references.get((package, goal.version))
            if known is None:
                known = self._register(package, goal.version)
                self._references[(package, goal.version)] = known
            return known

    def ensure(self, state: ResourceState) -> None:
        """Configure the provider of a recorded resource from the provider's record, unless the program did."""
        package = package_of(state.type)
        with self._lock:
            if package in self._ensured or any(name == package for name, _ in self._references):
                return
            recorded = self._olds.get(state.provider_urn)
            inputs = dict(recorded[1].outputs) if recorded else {}
            # The stack's current configuration overrides the recorded one, as it does when the program runs.
            inputs.update(self._providers.default_inputs(package, str(inputs.get("version", ""))))
            self._providers.configure(package, inputs, state.provider_urn)
            self._ensured.add(package)

    def _register(self, package: str, version: str) -> str:
        type_ = f"{PROVIDER_PREFIX}{package}"
        urn = f"{self._terms.urn_prefix}::{type_}::{default_provider_name(version)}"
        self._claims.register(urn)
        inputs = self._providers.configure(package, self._providers.default_inputs(package, version), urn)
        index, old = self._olds.get(urn, (None, None))
        state = self._state(urn, type_, inputs, old)
        if not self._terms.is_preview:
            self._journal.record(state, index, changed=state != old)
        return f"{urn}::{state.id}"

    def _state(self, urn: str, type_: str, inputs: Mapping[str, Any], old: ResourceState | None) -> ResourceState:
        # The CLI keeps its own data about a provider under this key of the inputs, unless it has no version.
        own: dict[str, Any] = {"__internal": {}} if "version" in inputs else {}
        new = ResourceState(urn, type_, custom=True, inputs={**inputs, **own}, outputs=dict(inputs))
        if old is None:
            new_id = UNKNOWN_SENTINEL if self._terms.is_preview else new_provider_id()
            stamp = self._terms.now()
            return new.changed(id=new_id, created=stamp, modified=stamp)
        if new.outputs == old.outputs:
            return old
        return new.changed(id=old.id, created=old.created, modified=self._terms.now(), other=old.other)
