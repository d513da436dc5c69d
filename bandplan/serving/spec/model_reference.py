"""Suggestions for a model or a version that is written in another form than here."""

from __future__ import annotations

import re


def version_step(text: str) -> str | None:
    """Return what to write for a version that is not a number; None if that is unclear."""
    text = text.strip()[:300]
    number = re.fullmatch(r"\W*+[vV]?\s*+0*+([1-9][0-9]{0,17})(\.0++)?\W*+", text)
    if number is not None:
        return f'write version: "{number.group(1)}"'
    if text.lower() == "latest":
        return (
            'write the number that is the latest now, such as `version: "1"`, or an alias: `version: {alias: champion}`'
        )
    alias = re.fullmatch(r"@?([A-Za-z][A-Za-z0-9_-]{0,254})", text.strip())
    return (
        f"write `version: {{alias: {alias.group(1)}}}` to follow that alias, or a number in quotes" if alias else None
    )


def registered_name_step(text: str) -> str | None:
    """Return what to write for the name of a model to register that does not have three levels; None if that is
    unclear.
    """
    text = re.sub(r"^models:/", "", text.strip()[:300])
    text = re.sub(r"@[A-Za-z0-9_-]+$|/[0-9]+$", "", text)
    parts = [
        re.sub(r"[^\w-]+", "_", part).strip("_")[:255] for part in re.split("/" if "." not in text else r"[.]", text)
    ]
    if not all(parts):
        return None
    match parts:
        case [_, _, _]:
            return f"write `name: {'.'.join(parts)}`"
        case [schema, model]:
            return f"write the catalog before it, such as `name: ml.{schema}.{model}`"
        case [model]:
            return f"write the catalog and the schema before it, such as `name: ml.search.{model}`"
        case [catalog, schema, *rest] if len(rest) > 1:
            return f"write a name of three levels, such as `name: {catalog}.{schema}.{'_'.join(rest)[:255]}`"
    return None


def model_step(text: str) -> str | None:
    """Return what to write for a model that has no three-level name; None if that is unclear."""
    of_registry = re.fullmatch(
        r"models:/([^/@.]+\.[^/@.]+\.[^/@.]+)(?:/([1-9][0-9]*)|@([A-Za-z0-9_-]+))?", text.strip()
    )
    if of_registry is not None:
        name, number, alias = of_registry.groups()
        version = f'"{number}"' if number else f"{{alias: {alias}}}" if alias else '"1"'
        return f"write `model: {name}` and `version: {version}`"
    if re.fullmatch(r"[^/]+/[^/]+", text.strip()):
        return "write its name in Unity Catalog, such as `model: system.ai.llama_v3_3_70b_instruct`"
    parts = re.split("/" if "." not in text else r"[.]", text.strip())
    if not all(re.fullmatch(r"[A-Za-z0-9_-]+", part) for part in parts):
        return None
    match parts:
        case [_, _, _]:
            return f"write `model: {'.'.join(parts)}`"
        case ["ai", last] | ["system", last]:
            return f"write `model: system.ai.{last}`"
        case [_, _]:
            return f"write its catalog before it, such as `model: ml.{text.strip()}`"
        case [last]:
            return f"write its catalog and schema before it, such as `model: system.ai.{last}`"
    return None
