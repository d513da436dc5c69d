"""Whether an endpoint is ready: READY, no update under way, and every entity deployed. Pure."""

from dataclasses import dataclass

from bandplan.serving.endpoint.live_endpoint import (
    DEPLOYMENT_ABORTED,
    DEPLOYMENT_FAILED,
    DEPLOYMENT_READY,
    IN_PROGRESS,
    NOT_UPDATING,
    READY,
    Config,
    LiveEndpoint,
    ServedEntity,
)

_FAILED_DEPLOYMENTS = (DEPLOYMENT_FAILED, DEPLOYMENT_ABORTED)


@dataclass(frozen=True)
class Ready:
    """The endpoint serves; `config_version` is the version of the config that it runs."""

    config_version: int


@dataclass(frozen=True)
class Waiting:
    """The endpoint may still become ready; `text` reports its progress in one line."""

    text: str


@dataclass(frozen=True)
class EntityFailure:
    """An entity that was not deployed, with the platform's state and its reason ("" if it gave none)."""

    served_name: str
    deployment: str
    reason: str


@dataclass(frozen=True)
class Failed:
    """The endpoint will not become ready by waiting. `still_serves`: an earlier config answers meanwhile."""

    text: str
    entities: tuple[EntityFailure, ...]
    still_serves: bool


Verdict = Ready | Waiting | Failed


def assess(live: LiveEndpoint) -> Verdict:
    """Return the verdict on an endpoint as it is now.

    An unknown state counts as waiting and is shown: the caller's timeout bounds the wait.
    """
    if live.has_failed_update:
        config = live.pending_config or live.config
        return Failed(
            live.config_update,
            _failures(config),
            live.ready == READY and live.config is not None,
        )
    if live.config_update != NOT_UPDATING:
        word = "update in progress" if live.config_update == IN_PROGRESS else f"config_update {live.config_update!r}"
        return Waiting(_progress(word, live.pending_config or live.config))
    if live.config is None or not live.config.entities:
        return Failed("the endpoint has no served entities", (), False)
    failures = _failures(live.config)
    if failures:
        return Failed("an entity is not deployed", failures, live.ready == READY)
    if live.ready != READY or any(_is_pending(entity) for entity in live.config.entities):
        return Waiting(_progress(f"endpoint {live.ready or 'without state'}", live.config))
    return Ready(live.config.version or 0)


def _failures(config: Config | None) -> tuple[EntityFailure, ...]:
    return tuple(
        EntityFailure(entity.name, entity.deployment, entity.message)
        for entity in (config.entities if config else ())
        if entity.deployment in _FAILED_DEPLOYMENTS
    )


def _is_pending(entity: ServedEntity) -> bool:
    # None: the platform reports no deployment (external models); then the endpoint's own state decides.
    return entity.deployment not in (DEPLOYMENT_READY, None)


def _progress(word: str, config: Config | None) -> str:
    entities = config.entities if config else ()
    if not entities:
        return word
    ready = sum(not _is_pending(entity) for entity in entities)
    text = f"{word}, {ready} of {len(entities)} entities deployed"
    for entity in entities:
        if _is_pending(entity):
            text += f"; {entity.name} {entity.deployment}" + (f": {entity.message}" if entity.message else "")
    return text
