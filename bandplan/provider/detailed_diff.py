"""Changed properties in the terms of the provider protocol. Pure."""

from collections.abc import Iterable, Mapping

from pulumi.provider.experimental import provider as sdk

from bandplan.provider.property_changes import Kind

_KINDS = {
    "add": sdk.PropertyDiffKind.ADD,
    "delete": sdk.PropertyDiffKind.DELETE,
    "update": sdk.PropertyDiffKind.UPDATE,
}
_REPLACING = {
    "add": sdk.PropertyDiffKind.ADD_REPLACE,
    "delete": sdk.PropertyDiffKind.DELETE_REPLACE,
    "update": sdk.PropertyDiffKind.UPDATE_REPLACE,
}


def property_diffs(changes: Mapping[str, Kind], replacing: Iterable[str] = ()) -> dict[str, sdk.PropertyDiff]:
    """Return changed inputs by property path; a change under a top-level name in `replacing` forces a replacement."""
    names = frozenset(replacing)
    return {
        path: sdk.PropertyDiff((_REPLACING if top_level_name(path) in names else _KINDS)[kind], True)
        for path, kind in changes.items()
    }


def top_level_names(paths: Iterable[str]) -> list[str]:
    """Return the distinct names that property paths begin with, sorted."""
    return sorted({top_level_name(path) for path in paths})


def top_level_name(path: str) -> str:
    return path.split(".")[0].split("[")[0]
