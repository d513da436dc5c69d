"""Keep `defaults` from adding to an entry that must say exactly what is live. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bandplan.adoption.entry import Proposal

_LISTS = ("rate_limits", "permissions")
"""Lists for which an entry's own empty list overrides the default."""
_MAILS = ("on_update_failure", "on_update_success")


@dataclass(frozen=True)
class Kept:
    """The proposal with the values that keep defaults away, and the override that removes the rest."""

    proposal: Proposal
    override: Mapping[str, Any] = field(default_factory=dict)


def kept_from_defaults(proposal: Proposal, defaults: Mapping[str, Any]) -> Kept:
    """Keep out defaults that reach the platform; `headroom_percent` and `timeouts` do not, and apply as they are."""
    raw = dict(proposal.raw)
    override: dict[str, Any] = {}
    for name in _LISTS:
        if defaults.get(name) and name not in raw:
            raw[name] = []
    mails = defaults.get("notifications")
    if isinstance(mails, Mapping):
        own = dict(raw.get("notifications") or {})
        for kind in _MAILS:
            if mails.get(kind) and kind not in own:
                own[kind] = []
        raw["notifications"] = own
    for name in ("tags", "ai_gateway"):
        added = _added(raw.get(name), defaults.get(name))
        if added:
            override[name] = added if name in raw else None
    if defaults.get("budget_policy_id") and "budget_policy_id" not in raw:
        override["budget_policy_id"] = None
    return Kept(Proposal(proposal.name, raw, proposal.notes), override)


def _added(own: Any, defaults: Any) -> dict[str, Any]:
    """Return a null for each key that merging would add."""
    if not isinstance(defaults, Mapping):
        return {}
    mine = own if isinstance(own, Mapping) else {}
    found: dict[str, Any] = {}
    for key, value in defaults.items():
        if key not in mine:
            found[key] = None
        elif isinstance(value, Mapping) and isinstance(mine[key], Mapping):
            inner = _added(mine[key], value)
            if inner:
                found[key] = inner
    return found
