"""One attempt at making a version, as seen in the registry: its mark on the version, whether it is alive, and what it
leaves.

A version is made in three steps that no transaction spans: created (PENDING), filled, finalized (READY). The mark is a
tag set at creation and changed while the attempt lives, so that another attempt, on any machine, can tell a version
that is being filled from one that was left behind.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from bandplan.serving.workspace.errors import WorkspaceError
from bandplan.serving.workspace.registry import SOURCE_DIGEST, Registry
from bandplan.serving.workspace.registry_entries import RegisteredVersion

MARK = "bandplan.attempt"
"""The version tag `<attempt id> <beats> <time>`; removed once the version is READY."""

ABANDONED_SECONDS = 3600.0
"""A mark older than this by this machine's clock belongs to no living attempt: clocks are not an hour apart."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The attempt that works on a version, how many signs of life it gave, and when the last was, in seconds since
    1970.
    """

    attempt_id: str
    beats: int
    at: int

    @classmethod
    def of(cls, version: RegisteredVersion) -> Mark | None:
        match version.tags.get(MARK, "").split():
            case [attempt_id, beats, at] if beats.isdecimal() and at.isdecimal():
                return cls(attempt_id, int(beats), int(at))
        return None

    def __str__(self) -> str:
        return f"{self.attempt_id} {self.beats} {self.at}"


@dataclass
class Attempt:
    """This process's attempt at a version of `name` from `digest`. Errors: those of the client."""

    registry: Registry
    name: str
    digest: str
    attempt_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    now: Callable[[], float] = time.time
    _before: frozenset[str] = frozenset()
    _own: str | None = None
    _beats: int = 0

    def begin(self) -> None:
        """Remember which versions exist: the one that this attempt creates is not among them."""
        self._before = frozenset(self.registry.version_numbers(self.name))

    def tags(self) -> dict[str, str]:
        """Return the tags to create the version with."""
        return {SOURCE_DIGEST: self.digest, MARK: str(self._mark())}

    def own_version(self) -> str | None:
        """Return the number of the version that this attempt has created, or None."""
        if self._own is None:
            for number in self.registry.version_numbers(self.name):
                if number in self._before:
                    continue
                version = self.registry.version(self.name, number)
                mark = None if version is None else Mark.of(version)
                if mark is not None and mark.attempt_id == self.attempt_id:
                    self._own = number
                    break
        return self._own

    def created(self, version: str) -> None:
        """Record which version this attempt created, if that is known without looking."""
        self._own = version

    def beat(self) -> None:
        """Give a sign of life; do nothing more if the platform refuses it."""
        if self._own is None:
            return
        self._beats += 1
        try:
            self.registry.set_tags(self.name, self._own, {MARK: str(self._mark())})
        except WorkspaceError:
            self._beats -= 1

    def rival(self) -> RegisteredVersion | None:
        """Return a version of the same digest that was created before this one: of several attempts the first one
        stands.
        """
        if self._own is None:
            return None
        own = int(self._own)
        others = self.registry.versions_from(self.name, self.digest)
        return next((version for version in others if int(version.version) < own), None)

    def remove(self) -> bool:
        """Delete the version of this attempt unless it is READY; return whether there was one to delete."""
        number = self.own_version()
        version = None if number is None else self.registry.version(self.name, number)
        if number is None or version is None or version.is_ready:
            return False
        self.registry.delete_version(self.name, number)
        return True

    def _mark(self) -> Mark:
        return Mark(self.attempt_id, self._beats, int(self.now()))
