"""Inputs and live endpoints that are valid and in step with each other; a test changes one thing."""

import copy
from typing import Any

from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint

MODEL = "system.ai.llama_v3_3_70b_instruct"


def served(name: str = "llama-1", **changes: Any) -> dict[str, Any]:
    """One declared entity: two to three chunks of 980 tokens/s; a change to None removes the property."""
    entity = {
        "name": name,
        "entityName": MODEL,
        "entityVersion": "1",
        "minProvisionedThroughput": 1960,
        "maxProvisionedThroughput": 2940,
        **changes,
    }
    return {key: value for key, value in entity.items() if value is not None}


def declaration(**changes: Any) -> dict[str, Any]:
    return {"servedEntities": [served()], **changes}


def declared(**changes: Any) -> Declared:
    return Declared.from_inputs(declaration(**changes))


def live_served(name: str = "llama-1", deployment: str = "DEPLOYMENT_READY", /, **changes: Any) -> dict[str, Any]:
    """The same entity as the platform reports it, with what it fills in by itself."""
    entity = {
        "name": name,
        "entity_name": MODEL,
        "entity_version": "1",
        "min_provisioned_throughput": 1960,
        "max_provisioned_throughput": 2940,
        "workload_type": "GPU_LARGE",
        "workload_size": "Small",
        "environment_vars": {},
        "creator": "someone@example.com",
        "creation_timestamp": 1_700_000_000_000,
        "state": {"deployment": deployment, "deployment_state_message": changes.pop("message", "")},
        **changes,
    }
    return {key: value for key, value in entity.items() if value is not None}


def live_config(*entities: dict[str, Any], version: int = 1) -> dict[str, Any]:
    entities = entities or (live_served(),)
    share = 100 // len(entities)
    return {
        "config_version": version,
        "served_entities": list(entities),
        "served_models": [
            {
                "model_name" if key == "entity_name" else "model_version" if key == "entity_version" else key: value
                for key, value in copy.deepcopy(entity).items()
            }
            for entity in entities
        ],
        "traffic_config": {
            "routes": [
                {"served_entity_name": e["name"], "served_model_name": e["name"], "traffic_percentage": share}
                for e in entities
            ]
        },
    }


def live(**changes: Any) -> LiveEndpoint:
    """READY, NOT_UPDATING, version 1; `state` merges into the state."""
    state = {"ready": "READY", "config_update": "NOT_UPDATING", **changes.pop("state", {})}
    return LiveEndpoint.from_response(
        {"name": "chat", "id": "0" * 32, "state": state, "config": live_config(), **changes}
    )
