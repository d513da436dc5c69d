"""Show a fleet as models.yaml: what a stack gets once defaults and overrides are merged in."""

from __future__ import annotations

import yaml

from bandplan.serving.spec.fleet import Fleet


def to_yaml(fleet: Fleet) -> str:
    """Write YAML that loads to the same entries; `defaults` and `overrides` are merged into them and omitted."""
    whole = fleet.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude={"defaults", "overrides", "models"}
    )
    whole["models"] = [entry.model_dump(mode="json", by_alias=True, exclude_unset=True) for entry in fleet.models]
    text: str = yaml.dump(whole, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Puts text with invisible characters in double quotes, where its escaped form means the same."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _text)
