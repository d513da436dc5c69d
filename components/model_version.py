"""Registered models, one component each: the model, its grants, the versions that this stack makes, their aliases."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from bandplan.components.pulumi_internals import properties_to_state, state_inputs
from bandplan.components.resources import Grants, ModelAlias, ModelVersion, RegisteredModel
from bandplan.components.wire import wire
from bandplan.serving.spec.registration import ModelGrant
from bandplan.serving.throughput.registrations import PlannedModel, PlannedVersion
from bandplan.serving.throughput.registry_answers import Existing, Standing
from bandplan.wire.types import REGISTERED_VERSIONS


@dataclass(frozen=True)
class DeclaredVersion:
    """A version, and what must exist before anything serves it."""

    version: ModelVersion
    before_serving: tuple[pulumi.Resource, ...]


class RegisteredVersions(pulumi.ComponentResource):
    """`bandplan:index:RegisteredVersions`, named after its model; inputs are plain (`planned_inputs`).

    Children: `<model>`, `<model>-grants` if any are stated, and for each version `<key>`, both the version and, if it
    has an alias, the alias. The model is never deleted with the stack: the platform refuses to delete a model that has
    versions.
    """

    TYPE = REGISTERED_VERSIONS

    def __init__(
        self, planned: PlannedModel, standing: Standing = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare the model and its versions; `standing` decides whether the model is created or taken over."""
        properties = properties_to_state()
        super().__init__(self.TYPE, planned.name, properties, opts)
        state_inputs(properties, planned_inputs(planned))
        model = RegisteredModel(planned.name, model_inputs(planned), self._model_options(planned, standing))
        after_model = pulumi.ResourceOptions(parent=self, depends_on=[model])
        if planned.grants is not None:
            grants = [model_grant(grant) for grant in planned.grants]
            Grants(f"{planned.name}-grants", {"model": planned.name, "grants": grants}, after_model)
        self.versions = {version.key: self._declare(version, after_model) for version in planned.versions}
        self.register_outputs({})

    def _model_options(self, planned: PlannedModel, standing: Standing) -> pulumi.ResourceOptions:
        left_out = [name for name in ("comment", "owner") if getattr(planned, name) is None]
        return pulumi.ResourceOptions(
            parent=self,
            retain_on_delete=True,
            ignore_changes=left_out,
            import_=standing.name if isinstance(standing, Existing) else None,
        )

    def _declare(self, planned: PlannedVersion, options: pulumi.ResourceOptions) -> DeclaredVersion:
        version = ModelVersion(planned.key, version_inputs(planned), options)
        if planned.registration.alias is None:
            return DeclaredVersion(version, (version,))
        pointing = {
            "name": planned.registration.name,
            "alias": planned.registration.alias,
            "version": version.version,
        }
        alias = ModelAlias(planned.key, pointing, pulumi.ResourceOptions(parent=self))
        return DeclaredVersion(version, (version, alias))


def planned_inputs(planned: PlannedModel) -> dict[str, Any]:
    """Return the inputs of the component: what is registered, in the terms of models.yaml, for policies and reports."""
    return {
        "model": planned.name,
        "versions": [
            {
                name: value
                for name, value in {
                    "source": version.registration.source,
                    "task": version.task,
                    "alias": version.registration.alias,
                    "retain": version.registration.retain,
                    "endpoints": list(dict.fromkeys(entry.name for entry, _ in version.users)),
                }.items()
                if value is not None
            }
            for version in planned.versions
        ],
    }


def model_inputs(planned: PlannedModel) -> dict[str, Any]:
    """Return the inputs of the registered model; what is not stated stays unchanged in the workspace."""
    catalog, schema, name = planned.name.split(".")
    stated = {"comment": planned.comment, "owner": planned.owner}
    return {
        "catalogName": catalog,
        "schemaName": schema,
        "name": name,
        **{key: value for key, value in stated.items() if value is not None},
    }


def model_grant(grant: ModelGrant) -> dict[str, Any]:
    """Return one grant, with a mail address in lower case, as the platform stores it.

    With any other spelling the published provider waits in vain (terraform-provider-databricks issue 3654).
    """
    principal = grant.principal.lower() if "@" in grant.principal else grant.principal
    return {**wire(grant), "principal": principal}


def version_inputs(planned: PlannedVersion) -> dict[str, Any]:
    """Return the inputs of ModelVersion: only what is stated, and the capacity that each entity requests of it."""
    registration = planned.registration
    optional: Mapping[str, Any] = {
        "metadata": dict(sorted(registration.metadata.items())),
        "mlflowVersion": registration.mlflow_version,
        "description": registration.description,
        "tags": dict(sorted(registration.tags.items())),
    }
    return {
        "name": registration.name,
        "source": registration.source,
        "task": planned.task,
        **{name: value for name, value in optional.items() if value},
        "retain": registration.retain,
        "throughput": [
            {
                "endpoint": entry.name,
                **({"entity": entity.path} if entity.path else {}),
                "task": entry.task,
                "trafficPercent": entity.traffic_percent,
                "throughput": wire(entity.throughput),
                **({"demand": wire(entry.demand)} if entry.demand is not None else {}),
                **({"headroomPercent": entry.headroom_percent} if entry.headroom_percent is not None else {}),
            }
            for entry, entity in planned.users
        ],
    }
