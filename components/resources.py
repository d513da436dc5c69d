"""The resource types of a fleet, as thin classes with the wire's own type tokens and property names.

Inputs are mappings with camelCase keys exactly as the engine and the providers see them; nothing is translated.
`pulumi_databricks` holds the same types, but takes seconds and hundreds of MB to import, so only its version is read;
`tests/components/test_resources.py` compares these classes with the installed package.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, ClassVar, cast

import pulumi

from bandplan.components.pulumi_internals import properties_to_state, state_inputs
from bandplan.wire import guard
from bandplan.wire.guard import SETTING_NAMES, SETTINGS
from bandplan.wire.types import (
    ENDPOINT_READY,
    GRANTS,
    MODEL_ALIAS,
    MODEL_SERVING,
    MODEL_SERVING_PT,
    MODEL_VERSION,
    PERMISSIONS,
    REGISTERED_MODEL,
)

INSTALLED_PACKAGE = "pulumi-databricks"


@cache
def databricks_plugin_version() -> str:
    """Return the version of the installed pulumi-databricks, which is also the version of its provider plugin."""
    return version(INSTALLED_PACKAGE)


class _WireResource(pulumi.CustomResource):
    """A resource whose inputs are passed through unchanged.

    `OUTPUTS` are the wire names of the properties that only the provider fills in.
    """

    TYPE: ClassVar[str]
    INPUTS: ClassVar[frozenset[str]]
    OUTPUTS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        unknown = inputs.keys() - self.INPUTS
        if unknown:
            raise TypeError(f"{self.TYPE} has no input named {', '.join(sorted(unknown))}")
        properties = properties_to_state(self.outputs_of(inputs))
        super().__init__(self.TYPE, name, properties, opts)
        state_inputs(properties, inputs)

    def outputs_of(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the members of `OUTPUTS` that may be read: each costs the SDK a task per resource."""
        return self.OUTPUTS

    def _output(self, wire_name: str) -> pulumi.Output[str]:
        return cast("pulumi.Output[str]", self.__dict__[wire_name])


class _DatabricksResource(_WireResource):
    """A resource of the published `databricks` package, in the installed version."""

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        version_of_package = pulumi.ResourceOptions(version=databricks_plugin_version())
        super().__init__(name, inputs, pulumi.ResourceOptions.merge(version_of_package, opts))


class ModelServing(_DatabricksResource):
    """A serving endpoint of the classic API: bands, legacy workloads, model units with a field that only it has."""

    TYPE = MODEL_SERVING
    INPUTS = frozenset(
        {
            *SETTING_NAMES,
            "config",
            "name",
            "providerConfig",
            "routeOptimized",
            "telemetryConfig",
        }
    )
    OUTPUTS = ("endpointUrl", "servingEndpointId")

    @property
    def serving_endpoint_id(self) -> pulumi.Output[str]:
        """The platform's id of the endpoint (32 hex characters); permissions are keyed by it."""
        return self._output("servingEndpointId")

    @property
    def endpoint_url(self) -> pulumi.Output[str]:
        """Invocation URL that the platform gave the endpoint."""
        return self._output("endpointUrl")


class ModelServingProvisionedThroughput(_DatabricksResource):
    """A serving endpoint of the provisioned-throughput API (`/pt`): model units."""

    TYPE = MODEL_SERVING_PT
    INPUTS = frozenset(
        {*(setting.name for setting in SETTINGS if setting.is_on_pt), "config", "name", "providerConfig"}
    )
    OUTPUTS = ("servingEndpointId",)

    @property
    def serving_endpoint_id(self) -> pulumi.Output[str]:
        """The platform's id of the endpoint (32 hex characters); permissions are keyed by it."""
        return self._output("servingEndpointId")


class Permissions(_DatabricksResource):
    """Who may view, query or manage one serving endpoint."""

    TYPE = PERMISSIONS
    INPUTS = frozenset({"accessControls", "providerConfig", "servingEndpointId"})
    OUTPUTS = ("objectType",)


class RegisteredModel(_DatabricksResource):
    """A model of Unity Catalog; its id is the full name."""

    TYPE = REGISTERED_MODEL
    INPUTS = frozenset(
        {
            "aliases",
            "browseOnly",
            "catalogName",
            "comment",
            "createdAt",
            "createdBy",
            "fullName",
            "metastoreId",
            "name",
            "owner",
            "providerConfig",
            "schemaName",
            "storageLocation",
            "updatedAt",
            "updatedBy",
        }
    )


class Grants(_DatabricksResource):
    """All privileges on one registered model."""

    TYPE = GRANTS
    INPUTS = frozenset({"grants", "model", "providerConfig"})


class _OwnResource(_WireResource):
    """A resource of our own package, `bandplan`, whose plugin is in this repository."""

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, inputs, opts or pulumi.ResourceOptions())


class EndpointReady(_OwnResource):
    """Our own guard of one endpoint: exists once the endpoint runs what was declared."""

    TYPE = ENDPOINT_READY
    INPUTS = frozenset(guard.INPUTS)
    OUTPUTS = guard.OUTPUTS

    def outputs_of(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        return self.OUTPUTS if "accepted" in inputs else self.OUTPUTS[:-1]

    @property
    def shortfall(self) -> pulumi.Output[list[dict[str, Any]]]:
        """Entities that run less than wanted: `servedName`, `unit`, `wanted`, `accepted`, `runs` of each."""
        return cast("pulumi.Output[list[dict[str, Any]]]", self._output("shortfall"))


class ModelVersion(_OwnResource):
    """A version of a registered model: exists once it is READY and provides the requested capacity."""

    TYPE = MODEL_VERSION
    INPUTS = frozenset(
        {"description", "metadata", "mlflowVersion", "name", "retain", "source", "tags", "task", "throughput"}
    )
    OUTPUTS = ("adopted", "digest", "modelType", "optimizable", "runId", "status", "throughputChunkSize", "version")

    @property
    def version(self) -> pulumi.Output[str]:
        """The version number, in digits."""
        return self._output("version")

    @property
    def model_type(self) -> pulumi.Output[str]:
        """Model family that the platform reports; empty if it reports none."""
        return self._output("modelType")

    @property
    def throughput_chunk_size(self) -> pulumi.Output[int]:
        """Throughput increment in tokens/s; 0 for a model that is sold in model units."""
        return cast("pulumi.Output[int]", self._output("throughputChunkSize"))


class ModelAlias(_OwnResource):
    """An alias of a registered model, pointing to one version."""

    TYPE = MODEL_ALIAS
    INPUTS = frozenset({"alias", "name", "version"})
