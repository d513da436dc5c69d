"""The option `import_`: bring an existing resource under the stack's management, by Pulumi's rules.

Differences from the program are then updated in the same run, as Pulumi does since 3.174. Source:
pkg/resource/deploy/step_generator.go and `ImportStep` of step.go in github.com/pulumi/pulumi (read 2026-11).
"""

import json

from bandplan.embedded.goal import Goal
from bandplan.embedded.planning import Verdict
from bandplan.embedded.providers import Providers
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.values import from_property_values
from bandplan.plugin.errors import InitFailed, ProviderError


def is_import(goal: Goal, old: ResourceState | None) -> bool:
    """Report whether the program imports a resource that the state does not hold under that id."""
    if not goal.custom or not goal.import_id:
        return False
    return old is None or (old.import_id or old.id) != goal.import_id


def imported(providers: Providers, new: ResourceState) -> ResourceState:
    """Return `new` as the provider finds it under `new.import_id`. ProviderError if it is missing or unreadable."""
    try:
        found_id, outputs, inputs = providers.read(new.changed(id=new.import_id, inputs={}, outputs={}))
        reasons: list[str] = []
    except InitFailed as failure:
        found_id, reasons = failure.resource_id, failure.reasons
        outputs = from_property_values(failure.properties, new.urn)
        inputs = from_property_values(failure.inputs, new.urn)
    if not found_id:
        raise ProviderError(f"resource '{new.import_id}' does not exist")
    return new.changed(id=found_id, inputs=inputs, outputs=outputs, init_errors=reasons)


def replacing_imported(old: ResourceState, new: ResourceState, verdict: Verdict) -> str:
    """Say why a resource whose program still names an import id may not be replaced: the id would change."""
    changes = [
        f"{key}: {json.dumps(old.inputs.get(key), default=str)} => {json.dumps(new.inputs.get(key), default=str)}"
        for key in verdict.diff.replace_keys
    ]
    return "\n".join(
        [
            "previously-imported resources that still specify an ID may not be replaced; "
            "please remove the `import` declaration from your program;",
            *changes,
        ]
    )
