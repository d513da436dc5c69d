"""A Pulumi program with inputs and outputs of every kind; TOY_SEEN gets a JSON line for each output that it looks at."""

import json
import os
from pathlib import Path
from typing import Any

import pulumi

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Thing(pulumi.CustomResource):
    def __init__(self, name: str, props: dict[str, Any], options: pulumi.ResourceOptions) -> None:
        outputs = {"made": None, "nothing": None, "config": None, "part": None, "numbers": None}
        super().__init__("toy:index/thing:Thing", name, {**outputs, "name": name, **props}, options)


class Box(pulumi.ComponentResource):
    def __init__(self, name: str, props: dict[str, Any]) -> None:
        super().__init__("toys:index:Box", name, props)


def options(**settings: Any) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(version="1.0.0", **settings)


def ordered(value: Any) -> Any:
    """In a form that is compared: unknowns without their address, keys in order, as that of the wire is any."""
    if isinstance(value, dict):
        return {key: ordered(item) for key, item in sorted(value.items())}
    if isinstance(value, pulumi.output.Unknown):
        return "unknown"
    return [ordered(item) for item in value] if isinstance(value, list) else value


def look(name: str, output: Any) -> None:
    async def told() -> None:
        data = await output._data
        names = sorted(resource._name for resource in data.resources)
        value = repr(ordered(data.value))
        with Path(os.environ["TOY_SEEN"]).open("a") as out:
            out.write(json.dumps([name, value, data.is_known, data.is_secret, names]) + "\n")

    pulumi.export(f"looked at {name}", pulumi.Output.from_input(told()))


numbers = [1, 2.0, 2.5, 2**60, True, False]
given = UNKNOWN if pulumi.runtime.is_dry_run() else 7

box = Box("box", {"label": "x", "number": 3, "none": None})
inner = options(parent=box, protect=True, custom_timeouts=pulumi.CustomTimeouts(create="1h30m", delete="5m"))
a = Thing("a", {"numbers": numbers, "config": {"deep": [{"none": None, "pair": (1, "é")}], "empty": {}}}, inner)
b = Thing("b", {"of": a.made, "from": a.id, "part": {"list": [a.made, a.urn], "plain": 1}}, options())
c = Thing("c", {"of": pulumi.Output.all(a.made, b.made), "config": b.part, "given": given}, options())
d = Thing("d", {"part": {"known": 1, "made": c.made}, "in": box.urn}, pulumi.ResourceOptions.merge(options(), None))
e = Thing("e", {"numbers": pulumi.Output.from_input([1]).apply(lambda list: [*list, 2])}, options(depends_on=[box, d]))
kept = {"ignore_changes": ["size"], "retain_on_delete": True, "replace_on_changes": ["kind"]}
f = Thing("f", {"config": d.part, "nothing": a.nothing}, options(**kept, delete_before_replace=False))
box.register_outputs({"made": a.made, "list": [1, {"x": None}]})

for output in ("urn", "id", "made", "nothing", "config", "numbers"):
    look(f"a.{output}", getattr(a, output))
for thing in (b, c, d, e, f):
    look(f"{thing._name}.part", thing.part)
look("box.label", box.label)
look("box.none", box.none)
pulumi.export("all", {"made": [thing.made for thing in (a, b, c, d, e, f)], "numbers": numbers})
