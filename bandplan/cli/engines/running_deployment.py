"""What a running or killed deployment has done since the state was written, read without a lock.

For commands that only read. The engines take over a journal under the stack's lock (`bandplan.embedded.journal`) and
refuse a damaged one; here an unreadable part is skipped, as it may be half written at this moment.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bandplan.embedded.form import line_problems, strict_json
from bandplan.embedded.holder import read_holder


def with_journal(
    deployment: Mapping[str, Any], checkpoint: bytes | None, journal: Path, project: str, stack: str
) -> dict[str, Any]:
    """Merge what the journal over this checkpoint says into `deployment`; steps that were started become pending
    operations.
    """
    lines = _lines(journal, project, stack)
    first = next(lines, {})
    if first.get("base") != (hashlib.sha256(checkpoint).hexdigest() if checkpoint is not None else ""):
        return dict(deployment)
    olds: list[Any] = list(deployment.get("resources") or ())
    news: dict[str, Any] = {}
    begun: dict[Any, dict[str, Any]] = {}
    for line in lines:
        begun.pop(line.get("seq", line.get("failed")), None)
        match line:
            case {"start": {"urn": str()} as resource, "op": str(act), "seq": sequence}:
                begun[sequence] = {"resource": resource, "type": act}
            case {"new": {"urn": str(urn)} as resource}:
                news[urn] = resource
                _set(olds, line.get("old"), None)
            case {"gone": int(place)}:
                _set(olds, place, None)
            case {"mark": int(place), "resource": {"urn": str()} as resource}:
                _set(olds, place, resource)
    resources = [one for one in olds if one is not None and (one.get("urn") not in news or one.get("delete"))]
    pending = [*(deployment.get("pending_operations") or ()), *begun.values()]
    return {**deployment, "resources": [*resources, *news.values()], "pending_operations": pending}


def holder(locks: Path) -> str:
    """Return who is deploying the stack now, such as `ann@host, process 12, since ...`; "" if nobody visibly is."""
    try:
        files = sorted(locks.glob("*.json"))
    except OSError:
        return ""
    for file in files:
        try:
            found = read_holder(file.read_bytes())
        except OSError:
            continue
        if found is not None and not found.is_gone:
            return f"{found.username}@{found.hostname}, process {found.pid}, since {found.timestamp}"
    return ""


def _lines(journal: Path, project: str, stack: str) -> Iterator[dict[str, Any]]:
    """Yield the lines up to the first that does not have a journal's form."""
    try:
        text = journal.read_bytes()
    except OSError:
        return
    for number, line in enumerate(text.split(b"\n")[:-1]):
        try:
            found = strict_json(line)
        except ValueError:
            return
        if line_problems(found, number == 0, project, stack):
            return
        yield found


def _set(olds: list[Any], place: Any, value: Any) -> None:
    if isinstance(place, int) and 0 <= place < len(olds):
        olds[place] = value
