"""Ask a workspace for the optimization info of model versions, concurrently, and record the answers."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from urllib.parse import quote

from bandplan.serving.throughput.optimization_info import (
    ModelVersion,
    OptimizationInfo,
    Unavailable,
)
from bandplan.serving.workspace.cache import Cache
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import (
    Blocked,
    NotAWorkspace,
    NotConfigured,
    NotFound,
    Refused,
    Unauthorized,
    WorkspaceError,
)

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
    unrecorded: Callable[[OSError], object] = lambda error: None,
) -> dict[ModelVersion, OptimizationInfo | Unavailable]:
    """Return the answer for each of `versions`: recorded, or requested now; one request per distinct version.

    `refresh` requests all again, `offline` requests none. A version without an answer is Unavailable. `unrecorded` is
    called with the reason if answers, which count all the same, cannot be recorded.
    Errors: WorkspaceError if the workspace answers for no version at all (not configured, unreachable, unauthorized,
    throttled).
    """
    wanted = sorted(set(versions))
    if offline:
        on_record = cache.recorded_for(client.host if client is not None else None)
        return {version: on_record.get(version) or _not_recorded(version) for version in wanted}
    recorded = cache.recorded(client.host) if client is not None else cache.recorded_anywhere()
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
        asked, failures = _ask_all(client, missing)
        _record(cache, client, asked, unrecorded)
        failure = next((error for error in failures.values() if error is not None), None)
        if failure is not None and not asked:
            raise failure
        answers.update(asked)
        for version, error in failures.items():
            why = f"it was not requested, because another call failed: {failure}" if error is None else str(error)
            answers[version] = Unavailable(client.presentable(why))
    return answers


def _record(
    cache: Cache,
    client: WorkspaceClient,
    answers: Mapping[ModelVersion, OptimizationInfo | Unavailable],
    unrecorded: Callable[[OSError], object],
) -> None:
    """Record the answers, except a "no": the platform adds models, and a version may still be in the making."""
    known = {
        version: answer
        for version, answer in answers.items()
        if isinstance(answer, OptimizationInfo) and answer.optimizable
    }
    try:
        cache.record(client.host, known)
    except OSError as error:
        unrecorded(error)


def _ask_all(
    client: WorkspaceClient, versions: list[ModelVersion]
) -> tuple[dict[ModelVersion, OptimizationInfo | Unavailable], dict[ModelVersion, WorkspaceError | None]]:
    """Return (answers, errors of the others: None for a version not asked because asking had become pointless)."""
    answers: dict[ModelVersion, OptimizationInfo | Unavailable] = {}
    failures: dict[ModelVersion, WorkspaceError | None] = {}
    useless = Event()

    def ask_while_useful(version: ModelVersion) -> OptimizationInfo | Unavailable | None:
        try:
            return None if useless.is_set() else ask(client, version)
        except WorkspaceError as error:
            if _is_of_all(error):
                useless.set()
            raise

    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(versions)), thread_name_prefix="optimization-info") as pool:
        pending = [(version, pool.submit(ask_while_useful, version)) for version in versions]
        for version, future in pending:
            try:
                answer = future.result()
            except WorkspaceError as error:
                failures[version] = error
            else:
                if answer is None:
                    failures[version] = None
                else:
                    answers[version] = answer
    return answers, failures


def _is_of_all(error: WorkspaceError) -> bool:
    """Whether the next version would fare no better; a 403 or a body that is not JSON may concern this one only."""
    is_of_this_one = isinstance(error, Unauthorized) and error.status == 403 and not isinstance(error, Blocked)
    return not isinstance(error, NotAWorkspace) and not is_of_this_one


def ask(client: WorkspaceClient, version: ModelVersion) -> OptimizationInfo | Unavailable:
    """Ask about one version, without recording. Errors: WorkspaceError that concerns the workspace as a whole."""
    path = f"{_PATH}/{quote(version.model, safe='')}/{quote(version.version, safe='')}"
    try:
        return OptimizationInfo.from_response(client.get(path))
    except NotFound:
        return Unavailable(
            f"{client.host} has no model {version.model} version {version.version} in Unity Catalog, or this token may "
            "not see it (EXECUTE on the model)"
        )
    except Refused as error:
        return Unavailable(f"{client.host} gave no optimization info: {error.reason or error}")
    except ValueError as error:
        return Unavailable(
            f"{client.host} gave optimization info that cannot be used: {client.presentable(str(error))}"
        )


def _not_recorded(version: ModelVersion) -> Unavailable:
    return Unavailable(
        f"no answer is recorded for {version.model} version {version.version} (run once without --offline)"
    )


def _and_more(versions: list[ModelVersion]) -> str:
    return f" and {len(versions) - 1} more" if len(versions) > 1 else ""
