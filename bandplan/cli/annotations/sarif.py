"""Findings as SARIF 2.1.0, which code scanning and editors read.

Sources, read 2026-11: the OASIS standard of that version with its schema, and "SARIF support for code scanning" of
docs.github.com, which takes paths relative to the repository and results with fingerprints.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bandplan.cli.annotations.annotation import Annotation

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
FINGERPRINT = "bandplanFinding/v1"


def sarif(
    annotations: Sequence[Annotation],
    texts: Mapping[str, str],
    run: str,
    version: str,
    failure: str | None = None,
) -> dict[str, Any]:
    """Return the document of one run.

    `texts` has one sentence per code. `run` names what was checked, such as `validate/dev`: a later run of that name
    replaces this one. `failure` is what could not be checked, and why.
    """
    codes = sorted({one.code for one in annotations})
    occurrences: Counter[str] = Counter()
    results = []
    for one in annotations:
        same = f"{one.code}\0{one.file}\0{one.subject}"
        occurrences[same] += 1
        results.append(_result(one, codes.index(one.code), f"{same}\0{occurrences[same]}"))
    notifications = [] if failure is None else [{"level": "error", "message": {"text": _plain(failure)}}]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "bandplan",
                        "version": version,
                        "semanticVersion": version,
                        "rules": [_rule(code, texts.get(code, code)) for code in codes],
                    }
                },
                "automationDetails": {"id": f"bandplan/{run}/"},
                "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
                "columnKind": "unicodeCodePoints",
                "invocations": [{"executionSuccessful": failure is None, "toolExecutionNotifications": notifications}],
                "results": results,
            }
        ],
    }


def _rule(code: str, text: str) -> dict[str, Any]:
    return {
        "id": code,
        "shortDescription": {"text": text},
        "help": {"text": f"{text}\n\n`bandplan explain {code}` says where this rule is from and what it means."},
    }


def _result(one: Annotation, index: int, identity: str) -> dict[str, Any]:
    """Format a finding. Its fingerprint depends on neither its line nor its figures, which change while it stays."""
    message = f"{one.subject}: {one.message}" if one.subject else one.message
    is_inside = not one.file.startswith("/")
    place = {"uri": quote(one.file), "uriBaseId": ROOT} if is_inside else {"uri": f"file://{quote(one.file)}"}
    return {
        "ruleId": one.code,
        "ruleIndex": index,
        "level": one.level,
        "message": {"text": _plain(message)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": place,
                    "region": {"startLine": one.line, "startColumn": one.column},
                }
            }
        ],
        "partialFingerprints": {FINGERPRINT: hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()},
    }


def _plain(text: str) -> str:
    """Break Markdown links in a text from others, which SARIF viewers would follow (SARIF 2.1.0, 3.11.6)."""
    return text.replace("](", "] (")
