"""The providers of a run, called in process through the same classes that their plugin executables serve.

A provider's methods are coroutines that never wait (see `plugin`); each call runs to its end in the calling thread.
"""

import secrets
import threading
import uuid
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider as protocol

from bandplan.embedded.diff import Diff, PropertyDiff, top_level
from bandplan.embedded.errors import EngineError, Unsupported
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.values import from_property_values
from bandplan.plugin.complete import complete
from bandplan.plugin.requests import DiffRequest, UpdateRequest
from bandplan.plugin.values import property_values
from bandplan.wire.types import PROVIDER_PREFIX

_KINDS = {
    protocol.PropertyDiffKind.ADD: "add",
    protocol.PropertyDiffKind.ADD_REPLACE: "add-replace",
    protocol.PropertyDiffKind.DELETE: "delete",
    protocol.PropertyDiffKind.DELETE_REPLACE: "delete-replace",
    protocol.PropertyDiffKind.UPDATE: "update",
    protocol.PropertyDiffKind.UPDATE_REPLACE: "update-replace",
}


class CheckFailed(Exception):
    """The provider refuses the inputs."""

    def __init__(self, failures: list[tuple[str, str]]) -> None:
        """Store the `failures`, which are (property, reason) pairs."""
        super().__init__(failures)
        self.failures = failures


class Providers:
    """The provider instances of one run, by package; the only instance of a package is its default provider."""

    def __init__(self, by_package: Mapping[str, protocol.Provider], config: Mapping[str, str]) -> None:
        """Set the providers; `config` is the stack's configuration, its keys with their namespace."""
        self._by_package = by_package
        self._config = config
        self._configured: set[str] = set()
        self._lock = threading.Lock()

    def default_inputs(self, package: str, version: str) -> dict[str, Any]:
        """Return the inputs of a package's default provider: its configuration and version, as the CLI records them."""
        prefix = f"{package}:"
        inputs: dict[str, Any] = {
            key.removeprefix(prefix): value for key, value in self._config.items() if key.startswith(prefix)
        }
        if version:
            inputs["version"] = version
        return inputs

    def configure(self, package: str, inputs: Mapping[str, Any], urn: str) -> dict[str, Any]:
        """Check and configure a package's provider once; return the checked inputs."""
        provider = self._provider(package, urn)
        request = protocol.CheckRequest(urn, {}, property_values(inputs), b"")
        checked = complete(provider.check_config(request))
        _raise_failures(checked)
        result = from_property_values(checked.inputs, urn) if checked.inputs is not None else dict(inputs)
        with self._lock:
            if package not in self._configured:
                variables = {f"{package}:config:{key}": str(value) for key, value in inputs.items() if key != "version"}
                complete(provider.configure(protocol.ConfigureRequest(variables, property_values(result), True, False)))
                self._configured.add(package)
        return result

    def check(self, urn: str, old_inputs: Mapping[str, Any], new_inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the inputs as the provider completes them. CheckFailed if it refuses them."""
        request = protocol.CheckRequest(
            urn, property_values(old_inputs), property_values(new_inputs), secrets.token_bytes(32)
        )
        response = complete(self._of(urn).check(request))
        _raise_failures(response)
        return from_property_values(response.inputs, urn) if response.inputs is not None else dict(new_inputs)

    def diff(self, state: ResourceState, new_inputs: Mapping[str, Any], ignore_changes: list[str]) -> Diff:
        """Compare the recorded state with the declared inputs."""
        request = DiffRequest(
            state.urn, state.id, property_values(state.outputs), property_values(new_inputs), ignore_changes
        )
        request.old_inputs = property_values(state.inputs)
        response = complete(self._of(state.urn).diff(request))
        detailed = {
            key: PropertyDiff(_KINDS[diff.kind], diff.input_diff) for key, diff in response.detailed_diff.items()
        }
        # As the engine does (sdk/go/common/resource/plugin/provider_plugin.go): keys of the detailed diff that force a
        # replacement count even when the provider does not repeat them.
        replace_keys = list(response.replaces) or sorted(
            {top_level(key) for key, diff in detailed.items() if diff.kind.endswith("-replace")}
        )
        if response.changes is None:
            raise Unsupported(f"a diff that the provider of {state.type} leaves to the engine", state.name)
        return Diff(response.changes, replace_keys, list(response.diffs), response.delete_before_replace, detailed)

    def create(self, urn: str, inputs: Mapping[str, Any], timeout: float, preview: bool) -> tuple[str, dict[str, Any]]:
        """Create a resource; return (id, outputs). In a preview the id may be empty and outputs unknown."""
        request = protocol.CreateRequest(urn, property_values(inputs), timeout, preview)
        response = complete(self._of(urn).create(request))
        return response.resource_id or "", from_property_values(response.properties, urn)

    def update(
        self, state: ResourceState, inputs: Mapping[str, Any], timeout: float, ignore_changes: list[str], preview: bool
    ) -> dict[str, Any]:
        """Update a resource in place and return its outputs."""
        request = UpdateRequest(
            state.urn,
            state.id,
            property_values(state.outputs),
            property_values(inputs),
            timeout,
            ignore_changes,
            preview,
        )
        request.old_inputs = property_values(state.inputs)
        return from_property_values(complete(self._of(state.urn).update(request)).properties, state.urn)

    def read(self, state: ResourceState) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Return (id, outputs, inputs) as the provider finds them; an empty id means that the resource is gone."""
        request = protocol.ReadRequest(
            state.urn, state.id, property_values(state.outputs), property_values(state.inputs)
        )
        response = complete(self._of(state.urn).read(request))
        return (
            response.resource_id or "",
            from_property_values(response.properties, state.urn),
            from_property_values(response.inputs, state.urn),
        )

    def delete(self, state: ResourceState, timeout: float) -> None:
        """Delete a resource; deleting one that no longer exists succeeds."""
        request = protocol.DeleteRequest(state.urn, state.id, property_values(state.outputs), timeout)
        complete(self._of(state.urn).delete(request))

    def cancel(self) -> None:
        """Ask every provider to stop waiting soon."""
        for provider in self._by_package.values():
            complete(provider.cancel())

    def _of(self, urn: str) -> protocol.Provider:
        return self._provider(package_of(urn.split("::")[2].rsplit("$", 1)[-1]), urn)

    def _provider(self, package: str, place: str) -> protocol.Provider:
        try:
            return self._by_package[package]
        except KeyError:
            known = ", ".join(sorted(self._by_package)) or "none"
            raise Unsupported(f"the provider {package!r} (this engine has: {known})", place) from None


def package_of(type_token: str) -> str:
    """Return the package of a type token: `databricks` for `databricks:index/modelServing:ModelServing`."""
    if type_token.startswith(PROVIDER_PREFIX):
        return type_token.removeprefix(PROVIDER_PREFIX)
    return type_token.split(":", 1)[0]


def default_provider_name(version: str) -> str:
    """Return the logical name of a package's default provider (pkg/resource/deploy/providers, `DefaultName`)."""
    if not version:
        return "default"
    return "default_" + "".join(letter if letter.isalnum() else "_" for letter in version)


def new_provider_id() -> str:
    """Return an id for a new provider instance."""
    return str(uuid.uuid4())


def _raise_failures(response: protocol.CheckResponse) -> None:
    if response.failures:
        raise CheckFailed([(failure.property, failure.reason) for failure in response.failures])


def describe_failures(urn: str, failed: CheckFailed) -> EngineError:
    """Return one error that names every refused property."""
    name = urn.rsplit("::", 1)[-1]
    lines = [f"{name}: {prop}: {reason}" if prop else f"{name}: {reason}" for prop, reason in failed.failures]
    return EngineError("\n".join(lines))
