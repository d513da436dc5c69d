"""The schema of our package, as Pulumi's tools read it (`pulumi package get-schema ./provider`)."""

from typing import Any

PACKAGE = "bandplan"
VERSION = "0.1.0"
ENDPOINT_READY = "bandplan:index:EndpointReady"

_INPUTS: dict[str, Any] = {
    "endpoint": {
        "type": "string",
        "description": "Name of the serving endpoint.",
        "willReplaceOnChanges": True,
    },
    "servingEndpointId": {
        "type": "string",
        "description": "Id of the endpoint, as permissions use it.",
    },
    "api": {
        "type": "string",
        "description": "Family the endpoint was created in: `classic`, or `pt` (model units).",
    },
    "declared": {
        "type": "object",
        "additionalProperties": {"$ref": "pulumi.json#/Any"},
        "description": "What the endpoint is to run: servedEntities or servedModels, trafficConfig, description, "
        "emailNotifications, rateLimits, tags, aiGateway, budgetPolicyId, in the shape of databricks:ModelServing; "
        "and `task`, such as llm/v1/chat, which the model decides and nothing can send.",
    },
    "timeoutSeconds": {
        "type": "integer",
        "description": "How long to wait for it, in seconds (default 7200).",
    },
}


def package_schema() -> dict[str, Any]:
    """The whole package: one resource."""
    return {
        "name": PACKAGE,
        "version": VERSION,
        "description": "Serving endpoints that are ready and run what was declared.",
        "resources": {
            ENDPOINT_READY: {
                "description": "Guards a serving endpoint: waits until it is ready, compares what it runs with what "
                "was declared, sends what the databricks provider leaves out, fails with the platform's own reason.",
                "inputProperties": _INPUTS,
                "requiredInputs": ["endpoint", "api", "declared"],
                "properties": {
                    **_INPUTS,
                    "configVersion": {
                        "type": "integer",
                        "description": "Version of the config that serves.",
                    },
                    "ready": {
                        "type": "boolean",
                        "description": "Whether it was ready when last looked at.",
                    },
                },
                "required": ["endpoint", "api", "declared", "configVersion", "ready"],
            }
        },
    }
