"""Ask a workspace, concurrently, for the facts that a fleet's registrations and followed aliases depend on."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from bandplan.serving.throughput.optimization_info import Unavailable
from bandplan.serving.throughput.registry_answers import Absent, Existing, ModelAlias, RegistryAnswers
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import Forbidden, Refused
from bandplan.serving.workspace.registry import Registry

MOST_AT_ONCE = 32
"""Requests in flight, as for optimization info."""


def survey(client: WorkspaceClient, models: Iterable[str], aliases: Iterable[ModelAlias]) -> RegistryAnswers:
    """Return the answer for each distinct model and alias: one request each, two more for a model whose schema is
    missing.

    Errors: any WorkspaceError that concerns the workspace as a whole; a refusal is an answer, Unavailable.
    """
    names, wanted = sorted(set(models)), sorted(set(aliases))
    if not names and not wanted:
        return RegistryAnswers()
    registry = Registry(client)
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(names) + len(wanted)), thread_name_prefix="registry") as pool:
        of_model = {name: pool.submit(_model, registry, name) for name in names}
        of_alias = {alias: pool.submit(_alias, registry, alias) for alias in wanted}
        return RegistryAnswers(
            {name: answer.result() for name, answer in of_model.items()},
            {alias: answer.result() for alias, answer in of_alias.items()},
        )


def _model(registry: Registry, name: str) -> Existing | Absent | Unavailable:
    catalog, schema, _ = name.split(".")
    try:
        found = registry.model(name)
        if found is not None:
            return Existing(found.name or name, found.owner, found.comment)
        if registry.has_schema(catalog, schema):
            return Absent()
        return Absent("schema") if registry.has_catalog(catalog) else Absent("catalog")
    except Refused as error:
        return _refused(registry, error)


def _alias(registry: Registry, alias: ModelAlias) -> str | Unavailable:
    try:
        number = registry.aliased(alias.model, alias.alias)
    except Refused as error:
        return _refused(registry, error)
    if number is not None:
        return number
    return Unavailable(
        f"{registry.host} has no alias {alias.alias} of a model {alias.model}, or this token may not see it"
    )


def _refused(registry: Registry, error: Refused) -> Unavailable:
    word = "this token may not ask" if isinstance(error, Forbidden) else "it refused to say"
    return Unavailable(f"{registry.host}: {word}: {error.reason or error}")
