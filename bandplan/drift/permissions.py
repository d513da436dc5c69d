"""The permissions of an endpoint, deployed and live. Pure.

Compared as the published provider does: inherited permissions, the group `admins`, and the caller and the creator of
the endpoint unless somebody names them, do not concern the stack.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bandplan.drift.fields import LEFT_ALONE
from bandplan.drift.finding import FieldFinding, Verdict
from bandplan.drift.naming import principal_field
from bandplan.serving.spec.access import is_admins
from bandplan.serving.workspace.endpoint_access import Grant

_PROPERTIES = {"user_name": "userName", "group_name": "groupName", "service_principal_name": "servicePrincipalName"}


def access_findings(
    deployed: Sequence[Mapping[str, Any]] | None, live: Sequence[Grant], own: frozenset[str]
) -> Iterator[FieldFinding]:
    """Compare the permissions; `own` has the names of the caller and of the endpoint's creator."""
    wanted = {
        principal_field(control): str(control.get("permissionLevel"))
        for control in deployed or ()
        if not is_admins(str(control.get("groupName")))
    }
    there = {principal_field(control): str(control["permissionLevel"]) for control in direct_controls(live)}
    for field, level in wanted.items():
        if there.get(field) != level:
            yield FieldFinding(field, Verdict.REAL, level, there.get(field))
    for control in direct_controls(live, own):
        field = principal_field(control)
        if field not in wanted:
            verdict, note = (Verdict.UNMANAGED, LEFT_ALONE) if deployed is None else (Verdict.REAL, "")
            yield FieldFinding(field, verdict, None, str(control["permissionLevel"]), note)


def direct_controls(live: Sequence[Grant], own: frozenset[str] = frozenset()) -> Iterator[dict[str, str]]:
    """Yield direct permissions in Pulumi's names, without those of `admins` and of `own`."""
    mine = {name.lower() for name in own}
    for grant in live:
        of_admins = grant.kind == "group_name" and is_admins(grant.principal)
        if not of_admins and grant.principal.lower() not in mine:
            yield {_PROPERTIES[grant.kind]: grant.principal, "permissionLevel": grant.level}
