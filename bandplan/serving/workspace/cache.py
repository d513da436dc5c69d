"""The record of optimization info on disk: one JSON file per workspace, so that a preview reads one small file.

The committed file also records what followed aliases point to, for runs that may not contact a workspace.

A file that cannot be read or understood counts as empty: the answers are requested again and the file is rewritten.
"""

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from bandplan.serving.private_file import replace_private_file
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.registry_answers import ModelAlias
from bandplan.wire.machine_folder import make_private_folder

_FORMAT = 1


class Cache:
    """Optimization info recorded under `directory`, by workspace, model and version.

    `committed` is a file of the repository with more of it, of no workspace in particular; it is only read.

    Safe to use from several threads and processes: writers take a lock and replace the file in one step.
    """

    def __init__(self, directory: Path, *, committed: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self._directory = directory
        self._committed = committed
        self._now = now
        self._lock = threading.Lock()

    def recorded(self, host: str) -> dict[ModelVersion, OptimizationInfo]:
        """Return everything recorded for the workspace at `host` (its canonical URL)."""
        return {key: info for key, (_, info) in _entries(_read(self._path(host)), host).items()}

    def recorded_for(self, host: str | None) -> dict[ModelVersion, OptimizationInfo]:
        """Return the record for an offline run: answers of the workspace at `host`, if any, come first."""
        return {**self.recorded_anywhere(), **(self.recorded(host) if host is not None else {})}

    def recorded_anywhere(self) -> dict[ModelVersion, OptimizationInfo]:
        """Return the answers of all workspaces, the latest of several: for a run without a workspace."""
        latest: dict[ModelVersion, tuple[float, OptimizationInfo]] = {}
        for path in filter(None, [self._committed, *sorted(self._directory.glob("*.json"))]):
            for key, (asked_at, info) in _entries(_read(path), None).items():
                if key not in latest or asked_at > latest[key][0]:
                    latest[key] = (asked_at, info)
        return {key: info for key, (_, info) in latest.items()}

    def record(self, host: str, answers: Mapping[ModelVersion, OptimizationInfo]) -> None:
        """Add `answers` of the workspace at `host`, over earlier ones for the same version.

        Errors: OSError when the folder cannot be written.
        """
        if not answers:
            return
        path = self._path(host)
        make_private_folder(self._directory)
        with self._lock, _file_lock(path.with_suffix(".lock")):
            entries = _entries(_read(path), host)
            entries.update({key: (self._now(), info) for key, info in answers.items()})
            replace_private_file(path, _text(_document(host, entries)))

    def recorded_aliases(self) -> dict[ModelAlias, str]:
        """Return the version that each alias pointed to when the committed file was written; it may have moved."""
        return _aliases(_read(self._committed)) if self._committed is not None else {}

    def commit(self, answers: Mapping[ModelVersion, OptimizationInfo], aliases: Mapping[ModelAlias, str]) -> None:
        """Rewrite the committed file with only these answers and aliases. Errors: OSError.

        An answer that it already has keeps its time, so that the file changes only where an answer does.
        """
        assert self._committed is not None
        now, before = float(int(self._now())), _entries(_read(self._committed), None)
        times = {key: asked_at for key, (asked_at, info) in before.items() if answers.get(key) == info}
        entries = {key: (times.get(key, now), info) for key, info in answers.items()}
        document = _document("", entries)
        if aliases:
            document["aliases"] = [
                {"model": key.model, "alias": key.alias, "version": version} for key, version in sorted(aliases.items())
            ]
        _replace(self._committed, _text(document))

    def _path(self, host: str) -> Path:
        readable = re.sub(r"[^A-Za-z0-9.-]+", "-", host.split("://")[-1])[:60]
        return self._directory / f"{readable}-{sha256(host.encode()).hexdigest()[:8]}.json"


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _entries(document: Any, host: str | None) -> dict[ModelVersion, tuple[float, OptimizationInfo]]:
    """Return the well-formed entries of a file with the time of each answer; `host` None accepts any workspace.

    All are optimizable; one without a chunk size is sold in model units.
    """
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        return {}
    if host is not None and document.get("workspace") != host:
        return {}
    answers = document.get("answers")
    entries = {}
    for item in answers if isinstance(answers, list) else []:
        match item:
            case {
                "model": str(model),
                "version": str(version),
                "asked_at": int() | float() as asked_at,
                "model_type": str() | None as model_type,
                "throughput_chunk_size": int() | None as chunk,
            } if _is_chunk(chunk) and _is_chunk(item.get("model_unit_chunk_size")) and _is_within(asked_at, 0):
                if host is not None and chunk is None and "model_unit_chunk_size" not in item:
                    continue  # written before the increment of units was recorded: request it again
                info = OptimizationInfo(True, model_type, chunk, item.get("model_unit_chunk_size"))
                entries[ModelVersion(model, version)] = (float(asked_at), info)
    return entries


def _aliases(document: Any) -> dict[ModelAlias, str]:
    """Return the well-formed aliases of a file."""
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        return {}
    listed = document.get("aliases")
    found = {}
    for item in listed if isinstance(listed, list) else []:
        match item:
            case {"model": str(model), "alias": str(alias), "version": str(version)} if _is_number(version):
                found[ModelAlias(model, alias)] = version
    return found


_LARGEST = 10**12
"""Upper bound of a chunk in tokens/s and a time in seconds; larger values are damage."""


def _is_within(number: float, least: int) -> bool:
    return not isinstance(number, bool) and least <= number <= _LARGEST


def _is_chunk(value: Any) -> bool:
    """Whether the value is an increment, or None for an unknown or inapplicable one."""
    return value is None or (isinstance(value, int) and _is_within(value, 1))


def _is_number(version: str) -> bool:
    return version.isascii() and version.isdigit()


def _document(host: str, entries: Mapping[ModelVersion, tuple[float, OptimizationInfo]]) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "workspace": host,
        "answers": [
            {
                "model": key.model,
                "version": key.version,
                "model_type": info.model_type,
                "throughput_chunk_size": info.throughput_chunk_size,
                **({"model_unit_chunk_size": info.model_unit_chunk_size} if info.throughput_chunk_size is None else {}),
                "asked_at": asked_at,
            }
            for key, (asked_at, info) in sorted(entries.items(), key=lambda entry: entry[0])
        ],
    }


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    """Hold a lock that one process can hold at a time. Without flock (Windows) the last writer wins, and an answer is
    requested again.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
