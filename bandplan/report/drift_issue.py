"""Format the JSON of `bandplan drift` (format 1) as the text of an issue. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bandplan.forge.forge import WantedIssue
from bandplan.report.errors import BadInput
from bandplan.report.markdown.escaping import code, escaped
from bandplan.report.number import count
from bandplan.report.reading import parsed
from bandplan.wire.redaction import MOST_SEARCHED, redactor, secrets_of_document
from bandplan.wire.text import one_line

FORMAT: Final = 1
WHAT: Final = "the output of `bandplan drift --json`"
MOST_FIELDS: Final = 20
"""Most fields listed per endpoint; a choice."""

MOST_CHARACTERS: Final = 60_000
"""Most characters of the list; GitHub accepts 65,536 in all."""

_STACK = re.compile(r"[A-Za-z0-9_.-]{1,100}")

MOST_OF_A_VALUE: Final = 80


LABEL: Final = "drift"


@dataclass(frozen=True)
class DriftIssue(WantedIssue):
    """Return the issue for a stack's drift; without drift, it is an issue to close."""

    stack: str


def drift_issue(text: str, name: str) -> DriftIssue:
    """Build the issue for a document; `name` is the file's name. Errors: BadInput."""
    document = parsed(text, name, WHAT)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadInput(f"{name}: format: is not {FORMAT}; expected {WHAT}")
    stack, is_drift, endpoints = document.get("stack"), document.get("drift"), document.get("endpoints")
    if not isinstance(stack, str) or not isinstance(is_drift, bool) or not isinstance(endpoints, list):
        raise BadInput(f"{name}: stack, drift or endpoints is missing; expected {WHAT}")
    if not _STACK.fullmatch(stack):
        raise BadInput(f"{name}: stack: is not a valid stack name")
    redact = redactor(secrets_of_document(document), MOST_SEARCHED)
    drifted = [one for one in endpoints if isinstance(one, dict) and one.get("drift") is True]
    models = [one for one in document.get("models") or () if isinstance(one, dict) and one.get("fields")]
    counted = [count(len(drifted), "endpoint")] * bool(drifted) + [count(len(models), "model")] * bool(models)
    marker = f"<!-- bandplan drift {stack} -->"
    head = [
        marker,
        f"{' and '.join(counted) or 'Something'} of **{stack}** drifted. Restore what was deployed with "
        f"`bandplan drift --stack {stack} --fix`, or declare the live values in `models.yaml`.",
        "",
    ]
    lines = [line for entry in drifted for line in _endpoint(entry, redact)]
    lines += [
        line for entry in models for line in (f"- model {_code(entry.get('name'), redact)}", *_fields(entry, redact))
    ]
    foot = "<sub>Updated by every drift check; closed when no drift is left.</sub>"
    body = "\n".join([*head, *_fitting(lines), "", foot]) + "\n"
    return DriftIssue(f"Drift in {stack}", LABEL, marker, body, is_drift, stack)


def _fitting(lines: list[str]) -> list[str]:
    """Keep as many lines as fit, and state how many do not."""
    shown: list[str] = []
    left = MOST_CHARACTERS
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            return [*shown, f"- … and {len(lines) - len(shown):,} more lines"]
        shown.append(line)
    return shown


def _endpoint(entry: Mapping[str, Any], redact: Any) -> Iterator[str]:
    reason = entry.get("reason")
    why = f": {escaped(one_line(redact(str(reason)), 300))}" if reason else ""
    yield f"- {_code(entry.get('name'), redact)}{why}"
    yield from _fields(entry, redact)


def _fields(entry: Mapping[str, Any], redact: Any) -> Iterator[str]:
    fields = [one for one in entry.get("fields") or () if isinstance(one, dict) and one.get("verdict") == "real"]
    for field in fields[:MOST_FIELDS]:
        deployed, live = (_code(field.get(key), redact) for key in ("deployed", "live"))
        yield f"  - {_code(field.get('field'), redact)}: deployed {deployed}, now {live}"
    if len(fields) > MOST_FIELDS:
        yield f"  - and {len(fields) - MOST_FIELDS:,} more"


def _code(value: Any, redact: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return code(one_line(redact(text), MOST_OF_A_VALUE) or " ")
