"""The trail: every decision as a JSON line, holding still included, and what it tells of the band of today."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bandplan.usage.problem import BadUsage


def append(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Append decisions in one write; a new file is closed to other users. Errors: BadUsage.

    They begin a line of their own, also after one that was cut off.
    """
    text = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
            end = os.fstat(file.fileno()).st_size
            is_cut = end > 0 and os.pread(file.fileno(), 1, end - 1) != b"\n"
            file.write((b"\n" if is_cut else b"") + text.encode())
    except OSError as error:
        raise BadUsage(f"{path}: cannot be written: {error.strerror}; name another file with --trail") from error


def last_changes(path: Path, stack: str) -> dict[str, tuple[int, Mapping[str, Any]]]:
    """Return by endpoint the last change that was suggested: (minute since 1970, the band); empty without a file.

    A line that is damaged, as by a full disk, is passed over: the trail is a record, not a state.
    """
    found: dict[str, tuple[int, Mapping[str, Any]]] = {}
    for line in _lines(path):
        if line.get("stack") != stack or line.get("decision") not in ("up", "down"):
            continue
        band, endpoint = line.get("suggested"), line.get("endpoint")
        try:
            at = datetime.fromisoformat(str(line.get("at"))).timestamp()
        except ValueError:
            continue
        if isinstance(band, Mapping) and isinstance(endpoint, str):
            before = found.get(endpoint)
            # Suggested again and again until it is taken: the first time counts.
            if before is None or before[1] != band:
                found[endpoint] = (int(at // 60), band)
    return found


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                try:
                    line = json.loads(text)
                except (ValueError, RecursionError):
                    continue
                if isinstance(line, Mapping):
                    yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadUsage(f"{path}: cannot be read: {error.strerror}; name another file with --trail") from error
