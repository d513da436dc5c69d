"""Versions of a model that other attempts have made, are making, or have left incomplete."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bandplan.serving.registration.attempt import ABANDONED_SECONDS, MARK, Mark
from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.timing import Waiting
from bandplan.serving.workspace.registry import SOURCE_DIGEST, Registry
from bandplan.serving.workspace.registry_entries import PENDING, RegisteredVersion


def ready_version(
    registry: Registry, name: str, digest: str, waiting: Waiting, progress: Callable[[str], None]
) -> str | None:
    """Return the READY version of `name` from `digest`, the oldest of several; None if one has to be made.

    Wait for a version that another attempt is filling; delete one whose attempt is dead.
    Errors: RegistrationError for a version that does not become READY in time; RegistrationStopped; the client's.
    """
    while True:
        versions = registry.versions(name)
        _delete_abandoned(registry, name, digest, versions, waiting.wall())
        ours = [version for version in versions if version.tags.get(SOURCE_DIGEST) == digest]
        ready = next((version for version in ours if version.is_ready), None)
        if ready is not None:
            return ready.version
        pending = next((version for version in ours if version.status == PENDING), None)
        if pending is None:
            return None
        _outwait(registry, name, pending.version, waiting, progress)


def _outwait(registry: Registry, name: str, number: str, waiting: Waiting, progress: Callable[[str], None]) -> None:
    """Wait until another attempt's PENDING version leaves that status or is dead; then delete a dead one."""
    progress(
        f"version {number} of {name} is PENDING from this source; waiting to see whether another run is working on it"
    )
    last: tuple[str | None, float] | None = None
    for elapsed in waiting.polls():
        version = registry.version(name, number)
        if version is None or version.status != PENDING:
            return
        if last is None or last[0] != version.tags.get(MARK):
            last = version.tags.get(MARK), elapsed
        if elapsed - last[1] <= _patience_seconds(version, waiting):
            continue
        if Mark.of(version) is None:
            raise RegistrationError(
                f"{name}: version {number} is uploaded from this source and still {version.status} after "
                f"{elapsed:.0f} s; run again to keep waiting, or delete the version"
            )
        progress(f"version {number} of {name} was left incomplete; deleting it")
        registry.delete_version(name, number)
        return


def _patience_seconds(version: RegisteredVersion, waiting: Waiting) -> float:
    """Return how long a version may go without a sign of life: an uploaded one, which has no mark, waits for the
    platform.
    """
    mark, timing = Mark.of(version), waiting.timing
    if mark is None:
        return timing.ready_seconds
    return timing.patience_seconds if mark.beats > 0 else timing.patience_without_beat_seconds


def _delete_abandoned(
    registry: Registry, name: str, digest: str, versions: Sequence[RegisteredVersion], now: float
) -> None:
    """Delete incomplete versions of other digests that bandplan's attempts left long ago; `now`: seconds since 1970."""
    for version in versions:
        mark = Mark.of(version)
        if version.status != PENDING or mark is None or version.tags.get(SOURCE_DIGEST) == digest:
            continue
        if now - mark.at > ABANDONED_SECONDS:
            registry.delete_version(name, version.version)
