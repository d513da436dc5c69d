"""Asks a workspace for the optimization info of model versions, all at once, and remembers the answers."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from serving.throughput.optimization_info import (
    ModelVersion,
    OptimizationInfo,
    Unavailable,
)
from serving.workspace.cache import Cache
from serving.workspace.client import WorkspaceClient
from serving.workspace.errors import NotConfigured, NotFound, Refused, WorkspaceError

MOST_AT_ONCE = 32
"""Requests in flight; a choice: 100 answers of 100 ms each take 0.4 s, and a workspace's rate limit is not provoked."""

_PATH = "/api/2.0/serving-endpoints/get-model-optimization-info"
"""docs.databricks.com, "Provisioned throughput Foundation Model APIs": GET .../{registered_model_name}/{version}."""


def fetch(
    client: WorkspaceClient | None,
    versions: Iterable[ModelVersion],
    cache: Cache,
    *,
    refresh: bool = False,
    offline: bool = False,
) -> dict[ModelVersion, OptimizationInfo | Unavailable]:
    """The answer for each of `versions`: recorded, or asked for now; one request per distinct version.

    `refresh` asks again for all, `offline` asks for none. A version the workspace refuses to answer for is Unavailable.
    Errors: any WorkspaceError that concerns the workspace as a whole (not configured, unreachable, unauthorized,
    throttled); the answers that did come are recorded first.
    """
    wanted = sorted(set(versions))
    recorded = cache.recorded(client.host) if client is not None else cache.recorded_anywhere()
    if offline:
        return {version: recorded.get(version) or _not_recorded(version, client) for version in wanted}
    missing = [version for version in wanted if refresh or version not in recorded]
    answers: dict[ModelVersion, OptimizationInfo | Unavailable] = {
        version: recorded[version] for version in wanted if version in recorded
    }
    if missing:
        if client is None:
            raise NotConfigured(
                f"no workspace is configured to ask for the optimization info of {missing[0].model} version "
                f"{missing[0].version}{_and_more(missing)}: set DATABRICKS_HOST and DATABRICKS_TOKEN, or use --offline"
            )
        answers.update(_ask_all(client, missing, cache))
    return answers


def _ask_all(
    client: WorkspaceClient, versions: list[ModelVersion], cache: Cache
) -> dict[ModelVersion, OptimizationInfo | Unavailable]:
    answers: dict[ModelVersion, OptimizationInfo | Unavailable] = {}
    failure: WorkspaceError | None = None
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(versions)), thread_name_prefix="optimization-info") as pool:
        pending = [(version, pool.submit(ask, client, version)) for version in versions]
        for version, future in pending:
            try:
                answers[version] = future.result()
            except WorkspaceError as error:
                failure = failure or error
                pool.shutdown(wait=False, cancel_futures=True)
                break
    for version, future in pending:
        if version not in answers and future.done() and not future.cancelled() and future.exception() is None:
            answers[version] = future.result()
    cache.record(
        client.host,
        {
            version: answer
            for version, answer in answers.items()
            # A "no" is not kept: the platform adds models, and a version may still be in the making.
            if isinstance(answer, OptimizationInfo) and answer.optimizable
        },
    )
    if failure is not None:
        raise failure
    return answers


def ask(client: WorkspaceClient, version: ModelVersion) -> OptimizationInfo | Unavailable:
    """The answer for one version, nothing recorded. Errors: WorkspaceError that concerns the workspace as a whole."""
    path = f"{_PATH}/{quote(version.model, safe='')}/{quote(version.version, safe='')}"
    try:
        return OptimizationInfo.from_response(client.get(path))
    except NotFound:
        return Unavailable(
            f"{client.host} has no model {version.model} version {version.version}, or this token may not see it; "
            "check the name and the version in Unity Catalog, and EXECUTE on the model"
        )
    except Refused as error:
        return Unavailable(f"{client.host} gave no optimization info: {error.reason or error}")
    except ValueError as error:
        return Unavailable(f"{client.host} gave optimization info that cannot be used: {error}")


def _not_recorded(version: ModelVersion, client: WorkspaceClient | None) -> Unavailable:
    of = f" of {client.host}" if client is not None else ""
    return Unavailable(
        f"no answer{of} is recorded for {version.model} version {version.version}; run once without --offline"
    )


def _and_more(versions: list[ModelVersion]) -> str:
    return f" and {len(versions) - 1} more" if len(versions) > 1 else ""
