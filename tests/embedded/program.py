"""The Pulumi program of the engine's tests: declares what the JSON file in TOY_PLAN says.

A list of resources: {"name", "props", "parent"?, "after"?: [names], "component"?: true, "package"?: its provider's,
"options"?: {…}}, where the option `deleted_with` names a resource. A property of the form {"from": "other.made"} is that
resource's output. A resource named `outputs` gives the stack's outputs.
"""

import json
import os
from pathlib import Path
from typing import Any

import pulumi


class Thing(pulumi.CustomResource):
    def __init__(self, name: str, props: dict[str, Any], options: pulumi.ResourceOptions, package: str = "toy") -> None:
        super().__init__(f"{package}:index/thing:Thing", name, {**props, "made": None}, options)


class Box(pulumi.ComponentResource):
    def __init__(self, name: str, props: dict[str, Any], options: pulumi.ResourceOptions) -> None:
        super().__init__("toys:index:Box", name, props, options)
        self.register_outputs({"label": name})


made: dict[str, pulumi.Resource] = {}


def resolved(value: Any) -> Any:
    if isinstance(value, dict) and "from" in value:
        name, output = value["from"].split(".")
        return getattr(made[name], output)
    return value


for entry in json.loads(Path(os.environ["TOY_PLAN"]).read_text()):
    if entry.get("fail"):
        raise pulumi.RunError(entry["fail"])
    if entry["name"] == "outputs":
        for key, value in entry["props"].items():
            pulumi.export(key, resolved(value))
        continue
    settings = dict(entry.get("options", {}))
    if "custom_timeouts" in settings:
        settings["custom_timeouts"] = pulumi.CustomTimeouts(**settings["custom_timeouts"])
    if "deleted_with" in settings:
        settings["deleted_with"] = made[settings["deleted_with"]]
    options = pulumi.ResourceOptions(
        parent=made.get(entry.get("parent", "")),
        depends_on=[made[name] for name in entry.get("after", [])],
        **{"version": "1.0.0", **settings},
    )
    props = {key: resolved(value) for key, value in entry["props"].items()}
    if entry.get("component"):
        made[entry["name"]] = Box(entry["name"], props, options)
    else:
        made[entry["name"]] = Thing(entry["name"], props, options, entry.get("package", "toy"))
