"""The programs that ours is compared with, as text for a separate `__main__.py`.

`FLOOR` declares exactly the resources that our program declares, read from a JSON file, with only the SDK: no program
under Pulumi can be faster. `PACKAGE` is what a user would write with `pulumi_databricks`: only endpoints.
"""

from typing import Any, Final

FLOOR: Final = """\
import json
import pathlib

import pulumi

made = {}


class Thing(pulumi.CustomResource):
    def __init__(self, type_, name, props, opts):
        super().__init__(type_, name, {**props, "servingEndpointId": props.get("servingEndpointId")}, opts)


for entry in json.loads((pathlib.Path(__file__).parent.parent / "resources.json").read_text()):
    options = pulumi.ResourceOptions(parent=made.get(entry["parent"]))
    if not entry["custom"]:
        made[entry["urn"]] = pulumi.ComponentResource(entry["type"], entry["name"], entry["inputs"], options)
        continue
    options.custom_timeouts = pulumi.CustomTimeouts(create="4h", update="4h", delete="1h")
    options.version = entry["version"]
    inputs = dict(entry["inputs"])
    for key, urn in entry["from"].items():
        inputs[key] = made[urn].servingEndpointId
    made[entry["urn"]] = Thing(entry["type"], entry["name"], inputs, options)
"""

PACKAGE: Final = """\
import json
import pathlib

import pulumi
import pulumi_databricks as databricks

for entry in json.loads((pathlib.Path(__file__).parent.parent / "endpoints.json").read_text()):
    options = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="4h", update="4h"))
    (entity,) = entry["entities"]
    if "units" in entity:
        databricks.ModelServingProvisionedThroughput(
            entry["name"],
            name=entry["name"],
            config=databricks.ModelServingProvisionedThroughputConfigArgs(
                served_entities=[
                    databricks.ModelServingProvisionedThroughputConfigServedEntityArgs(
                        entity_name=entity["model"],
                        entity_version=entity["version"],
                        provisioned_model_units=entity["units"],
                    )
                ]
            ),
            opts=options,
        )
        continue
    databricks.ModelServing(
        entry["name"],
        name=entry["name"],
        config=databricks.ModelServingConfigArgs(
            served_entities=[
                databricks.ModelServingConfigServedEntityArgs(
                    entity_name=entity["model"],
                    entity_version=entity["version"],
                    min_provisioned_throughput=entity["min"],
                    max_provisioned_throughput=entity["max"],
                )
            ]
        ),
        opts=options,
    )
"""


def resources(digest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the input of `FLOOR`: every resource of our first preview, in declaration order."""
    found = []
    for step in digest["steps"]:
        state = step["newState"]
        if state["type"] == "pulumi:pulumi:Stack":
            continue
        sources = {
            key: urns[0]
            for key, urns in state.get("propertyDependencies", {}).items()
            if urns and key in state["inputs"]
        }
        provider = state.get("provider", "").split("::")
        found.append(
            {
                "urn": state["urn"],
                "type": state["type"],
                "name": state["urn"].rsplit("::", 1)[-1],
                "custom": state["custom"],
                "parent": state["parent"],
                "inputs": {key: value for key, value in state.get("inputs", {}).items() if key not in sources},
                "from": sources,
                "version": provider[3].removeprefix("default").lstrip("_").replace("_", ".") if state["custom"] else "",
            }
        )
    return found


def endpoints(digest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the input of `PACKAGE`: name and served entities of every endpoint."""
    found = []
    for step in digest["steps"]:
        state = step["newState"]
        if "modelServing" not in state["type"]:
            continue
        entities = [
            {
                "model": entity["entityName"],
                "version": entity["entityVersion"],
                **(
                    {"units": entity["provisionedModelUnits"]}
                    if "provisionedModelUnits" in entity
                    else {"min": entity["minProvisionedThroughput"], "max": entity["maxProvisionedThroughput"]}
                ),
            }
            for entity in state["inputs"]["config"]["servedEntities"]
        ]
        found.append({"name": state["inputs"]["name"], "entities": entities})
    return found
