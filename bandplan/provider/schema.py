"""The schema of our package, as Pulumi's tools read it (`pulumi package get-schema ./provider`)."""

from typing import Any

from bandplan.serving.spec.tasks import CHAT
from bandplan.wire.guard import SETTING_NAMES
from bandplan.wire.types import ENDPOINT_READY, MODEL_ALIAS, MODEL_VERSION

PACKAGE = "bandplan"
VERSION = "0.1.0"

_ANY = {"$ref": "pulumi.json#/Any"}
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


def package_schema() -> dict[str, Any]:
    """Return the schema of the whole package."""
    return {
        "name": PACKAGE,
        "version": VERSION,
        "description": "Model versions, registered, checked and aliased; serving endpoints that run what was declared.",
        "resources": {
            ENDPOINT_READY: _resource(
                "Guards a serving endpoint: waits until it is ready, compares what it runs with what was declared, "
                "sends what the databricks provider leaves out, and fails with the platform's own reason.",
                _ENDPOINT_READY_INPUTS,
                ("endpoint", "api", "declared"),
                _ENDPOINT_READY_OUTPUTS,
            ),
            MODEL_VERSION: _resource(
                "A version of a registered model. Takes over a version that was already made from the same source; "
                "otherwise logs the source if needed, registers it through MLflow and waits for it. Then checks the "
                "version for eligibility and against the requested capacity.",
                _MODEL_VERSION_INPUTS,
                ("name", "source", "task"),
                _MODEL_VERSION_OUTPUTS,
            ),
            MODEL_ALIAS: _resource(
                "An alias of a registered model.", _MODEL_ALIAS_INPUTS, ("name", "alias", "version"), {}
            ),
        },
    }


def _resource(
    description: str, inputs: dict[str, Any], required: tuple[str, ...], outputs: dict[str, Any]
) -> dict[str, Any]:
    return {
        "description": description,
        "inputProperties": inputs,
        "requiredInputs": list(required),
        "properties": {**inputs, **outputs},
        "required": [*required, *outputs],
    }


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


_ENDPOINT_READY_INPUTS: dict[str, Any] = {
    "endpoint": _text("Name of the serving endpoint.", willReplaceOnChanges=True),
    "servingEndpointId": _text("Id of the endpoint, as permissions use it."),
    "api": _text("Family the endpoint was created in: `classic`, or `pt` (model units)."),
    "declared": {
        "type": "object",
        "additionalProperties": _ANY,
        "description": "What the endpoint should run: servedEntities or servedModels, trafficConfig, "
        f"{', '.join(SETTING_NAMES)}, in the shape of databricks:ModelServing; "
        f"and `task`, such as {CHAT}, which the model decides and no request can set.",
    },
    "accepted": {
        "type": "object",
        "additionalProperties": _ANY,
        "description": "servedEntities with less capacity than the declared ones, but otherwise the same: the fallback "
        "while the platform has no GPU capacity for more.",
    },
    "timeoutSeconds": {
        "type": "integer",
        "description": "How long to wait for the endpoint, in seconds (default 7200).",
    },
}
_ENDPOINT_READY_OUTPUTS: dict[str, Any] = {
    "configVersion": {"type": "integer", "description": "Version of the config that is serving."},
    "ready": {"type": "boolean", "description": "Whether the endpoint was ready when last checked."},
    "shortfall": {
        "type": "array",
        "items": {"type": "object", "additionalProperties": _ANY},
        "description": "Entities that run less than declared for lack of GPU capacity: servedName, unit, wanted, "
        "accepted, runs.",
    },
}

_MODEL_VERSION_INPUTS: dict[str, Any] = {
    "name": _text("Three-level Unity Catalog name of the model.", willReplaceOnChanges=True),
    "source": _text(
        "What the version is made from: a runs:/ or models:/ URI, or a folder relative to the project that holds an "
        "MLflow model or a Hugging Face checkpoint."
    ),
    "task": _text(f"Task that a checkpoint is logged for, such as {CHAT}."),
    "metadata": {**_TEXTS, "description": "Metadata that a checkpoint is logged with."},
    "mlflowVersion": _text("MLflow version that logs a checkpoint; it decides where the task is written."),
    "description": _text("Description of the version."),
    "tags": {**_TEXTS, "description": "Tags of the version; other tags on it are kept."},
    "retain": {
        "type": "boolean",
        "description": "Whether the version is kept when this resource is deleted (default true). A version that an "
        "endpoint serves or an alias points to is always kept.",
    },
    "throughput": {
        "type": "array",
        "items": {"type": "object", "additionalProperties": _ANY},
        "description": "Capacity requested of the version, one item per served entity: endpoint, entity, task, "
        "trafficPercent, and throughput, demand, headroomPercent in the form of models.yaml.",
    },
    "digest": _text("Digest of the source; computed by the provider.", willReplaceOnChanges=True),
}
_MODEL_VERSION_OUTPUTS: dict[str, Any] = {
    "version": _text("Number of the version."),
    "status": _text("Status of the registration: READY."),
    "adopted": {"type": "boolean", "description": "Whether the version existed before, made from the same source."},
    "optimizable": {"type": "boolean", "description": "Whether the version is eligible for provisioned throughput."},
    "modelType": _text("Model family that the platform reports; empty if it reports none."),
    "throughputChunkSize": {
        "type": "integer",
        "description": "Throughput increment in tokens/s; 0 for a model that is sold in model units.",
    },
    "runId": _text("Run in which the model was logged; empty if there is none."),
}

_MODEL_ALIAS_INPUTS: dict[str, Any] = {
    "name": _text("Three-level Unity Catalog name of the model.", willReplaceOnChanges=True),
    "alias": _text("The alias.", willReplaceOnChanges=True),
    "version": _text("Number of the version that the alias points to."),
}
