"""The inference table of an endpoint, which keeps its name until it is disabled. Pure.

Source: docs.databricks.com API reference, "Update AI Gateway of a serving endpoint", notes on `catalog_name`,
`schema_name` and `table_name_prefix` of `inference_table_config` (read 2026-11).
"""

from collections.abc import Mapping
from typing import Any

from bandplan.serving.endpoint.difference import Difference
from bandplan.serving.endpoint.equality import is_same, is_zero
from bandplan.wire.names import to_api_name

_NAMES = ("catalogName", "schemaName", "tableNamePrefix")


def renamed_while_enabled(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, live: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """List the names of the table that `new` changes although the live table is enabled; `old` is the gateway deployed
    before.

    `old` and `new` have Pulumi's property names, `live` the platform's. A name left out both times is the platform's;
    one that the enabled table lacks cannot be added either.
    """
    wanted, before = (_table(gateway, "inferenceTableConfig") for gateway in (new, old))
    there = _table(live, "inference_table_config")
    if wanted is None or there is None or there.get("enabled") is not True:
        return ()
    found = []
    for name in _NAMES:
        now = there.get(to_api_name(name))
        is_stated = not is_zero(wanted.get(name)) or not is_zero((before or {}).get(name))
        if is_stated and not is_same(wanted.get(name), now):
            found.append(Difference(("declared", "aiGateway", "inferenceTableConfig", name), wanted.get(name), now))
    return tuple(found)


def unrenamable(endpoint: str, found: tuple[Difference, ...], *, is_kept: bool) -> str:
    """Explain why the change is refused, and which two deployments make it; `is_kept`: the table stays enabled."""
    changes = ", ".join(
        f"{to_api_name(str(one.path[-1]))} from {_shown(one.live)} to {_shown(one.declared)}" for one in found
    )
    when = "while it is enabled" if is_kept else "in the request that disables it"
    return (
        f"{endpoint}: ai_gateway/inference_table_config: {changes}: the platform does not rename an inference table "
        f"{when}. Nothing was changed. Deploy twice: first the old names with `enabled: false`, then the new names "
        "with `enabled: true`; the old table keeps its rows"
    )


def _shown(name: Any) -> str:
    return "the platform's own" if is_zero(name) else repr(name)


def _table(gateway: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    table = (gateway or {}).get(name)
    return table if isinstance(table, Mapping) else None
