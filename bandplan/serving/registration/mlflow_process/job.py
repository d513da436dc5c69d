"""Input and output of the process that runs MLflow: JSON, one object a line, without any secret.

Host and token of the workspace travel in the environment of that process, which only its user may read; a renewed
token follows on standard input (`renewal_line`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bandplan.serving.registration.sources.source import Kind


@dataclass(frozen=True)
class Job:
    """A job to do. With `name` None, log and do not register. `uri` is the resolved one of a run or a model.

    `folder` is absolute. `tags` are the user's own; the attempt's are added. `beat_seconds`: see `Timing`.
    """

    kind: Kind
    shown: str
    uri: str
    folder: str | None = None
    name: str | None = None
    digest: str = ""
    attempt_id: str = ""
    task: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    experiment: str | None = None
    reference_weights: bool = False
    beat_seconds: float = 10.0

    @property
    def path(self) -> Path:
        """The folder. Errors: ValueError for a source that is not a folder."""
        if self.folder is None:
            raise ValueError(f"{self.shown} is not a folder")
        return Path(self.folder)

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Job:
        return cls(**json.loads(line))


@dataclass(frozen=True)
class Event:
    """An event of a job. `text` is for people; the other fields describe the event, None if they do not apply.

    `progress`: on the way. `done`: the end, with run, model and version. `failed`: the end, with the reason. `outdone`:
    the end, because `version` of another attempt at the same digest came first.
    """

    kind: str
    text: str = ""
    run_id: str | None = None
    model_uri: str | None = None
    version: str | None = None

    def to_line(self) -> bytes:
        given = {key: value for key, value in asdict(self).items() if value not in (None, "")}
        return json.dumps(given).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Event | None:
        """Parse the event of a line; None for any other line."""
        try:
            value: Any = json.loads(line)
            return cls(**value)
        except (ValueError, TypeError):
            return None


def renewal_line(token: str) -> bytes:
    """Return the line on standard input that replaces the token."""
    return json.dumps({"token": token}).encode() + b"\n"
