"""One HTTP answer of a workspace: as JSON, as text, or as an error."""

import json
import re
from dataclasses import dataclass
from typing import Any

from bandplan.rest.answer import Answer
from bandplan.serving.workspace.errors import (
    Blocked,
    Conflict,
    Forbidden,
    NotAWorkspace,
    NotFound,
    Refused,
    Unauthorized,
    WorkspaceError,
)

LONGEST_REASON = 600
"""Maximum number of characters of a platform message to pass on; the rest is cut off."""

_LONGEST_CODE = 80
"""Characters; the platform's own codes are shorter."""

_UNAUTHORIZED_CODES = frozenset({"UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"})
_FORBIDDEN_CODES = frozenset({"PERMISSION_DENIED"})
_NOT_FOUND_CODES = frozenset({"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND"})
_CONFLICT_CODES = frozenset({"RESOURCE_CONFLICT", "RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS", "ABORTED"})


@dataclass(frozen=True)
class WorkspaceAnswer:
    """A workspace's answer to `request` (such as "GET /api/2.0/x")."""

    request: str
    http: Answer

    @property
    def status(self) -> int:
        return self.http.status

    @property
    def body(self) -> bytes:
        return self.http.body

    @property
    def retry_after(self) -> str | None:
        return self.http.headers.get("retry-after")

    @property
    def is_success(self) -> bool:
        return self.http.is_success

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object. Errors: NotAWorkspace if it is anything else."""
        if self.is_web_page():
            raise self._web_page()
        try:
            value = json.loads(self.body) if self.body else {}
        except (ValueError, RecursionError):
            raise NotAWorkspace(f"{self.request}: HTTP {self.status} with a body that is not JSON; {_CHECK}") from None
        if not isinstance(value, dict):
            raise NotAWorkspace(f"{self.request}: HTTP {self.status} with JSON that is not an object; {_CHECK}")
        return value

    def text(self) -> str:
        """Return the body as text; bytes that are not UTF-8 become replacement characters."""
        if self.is_web_page():
            raise self._web_page()
        return self.body.decode("utf-8", "replace")

    def is_web_page(self) -> bool:
        """Whether the body is a web page. A refusal may be a short text that is only labelled as HTML."""
        start = self.body[:64].lstrip().lower()
        if start.startswith((b"<!doctype html", b"<html")):
            return True
        is_called_html = "html" in self.http.headers.get("content-type", "").lower()
        return is_called_html and (self.is_success or not start or start.startswith(b"<"))

    def error(self, host: str, token: str, renewal: str = "log in again") -> WorkspaceError:
        """Return the error that an unsuccessful answer stands for: by error code first, by status second.

        `renewal` is what gives a token that the workspace accepts.
        """
        if 300 <= self.status < 400 and "private-link" in self.http.headers.get("location", "").lower():
            return Blocked(f"{self.request}: {host} is reachable only over Private Link; {_NETWORK}", self.status)
        if 300 <= self.status < 400:
            return NotAWorkspace(f"{self.request}: {host} answers with a redirect (HTTP {self.status}); {_CHECK}")
        if self.is_web_page():
            return self._web_page()
        code, reason = self._code_and_reason()
        reason = presentable(reason, token)
        code = presentable(code, token)[:_LONGEST_CODE]
        said = f"{reason or 'no reason given'} (HTTP {self.status}{', ' + code if code else ''})"
        if code not in _UNAUTHORIZED_CODES and self.status in (401, 403) and _BLOCKED.search(reason):
            return Blocked(f"{host} does not allow this machine's network: {said}; {_NETWORK}", self.status)
        if code in _UNAUTHORIZED_CODES or self.status == 401 or (self.status == 403 and code not in _FORBIDDEN_CODES):
            return Unauthorized(
                f"{host} does not accept the token: {said}; {renewal}, or see `bandplan docs login`", self.status
            )
        return _kind(code, self.status)(self.status, code, reason, f"{self.request}: {host} refused: {said}")

    def reason(self, token: str) -> str:
        """Return what the platform says about an unsuccessful answer, fit for a message; "" if it says nothing."""
        return "" if self.is_web_page() else presentable(self._code_and_reason()[1], token)

    def _web_page(self) -> NotAWorkspace:
        return NotAWorkspace(f"{self.request}: a web page came back (HTTP {self.status}), not the REST API; {_CHECK}")

    def _code_and_reason(self) -> tuple[str, str]:
        """Return the error code and message, from any of the shapes that the platform uses.

        Source: github.com/databricks/databricks-sdk-go, package apierr (read 2025-11): `error_code` (string or number)
        with `message`, the old `error`, SCIM's `detail`, and plain text `CODE: message`.
        """
        text = self.body[:20_000].decode("utf-8", "replace")
        try:
            value = json.loads(text)
        except RecursionError:
            return "", ""
        except ValueError:
            word, separator, message = text.partition(": ")
            is_code = bool(separator) and word.isascii() and word.replace("_", "").isalnum() and word.isupper()
            return (word, message) if is_code else ("", text)
        if not isinstance(value, dict):
            return "", ""
        code = value.get("error_code")
        reason = value.get("message") or value.get("detail") or value.get("error") or ""
        return (code if isinstance(code, str) else ""), (reason if isinstance(reason, str) else "")


def presentable(text: str, *tokens: str) -> str:
    """Make `text` fit for a message: one line of at most LONGEST_REASON printable characters, without `tokens`.

    Anything that looks like a token is removed too, whoever it belongs to; a text of the platform may quote one that
    was sent to it.
    """
    # Compiles patterns, which a run without a failure does not need.
    from bandplan.wire.redaction import MOST_SEARCHED, redactor

    text = redactor(tokens, MOST_SEARCHED, by_name=False)(text)
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * LONGEST_REASON]).split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."


def _kind(code: str, status: int) -> type[Refused]:
    if code in _NOT_FOUND_CODES:
        return NotFound
    if code in _CONFLICT_CODES:
        return Conflict
    if code in _FORBIDDEN_CODES:
        return Forbidden
    # Any other code (INVALID_PARAMETER_VALUE with 404, say) wins over the status too: it is none of the three.
    return Refused if code else {404: NotFound, 409: Conflict}.get(status, Refused)


_BLOCKED = re.compile(
    r"\bip (?:acl|access list)|\bip address\b.{0,80}\b(?:blocked|not allowed)"
    r"|unauthorized network access|private ?link",
    re.IGNORECASE,
)
"""The platform's wording for a rejected address or network; there is no code for it (`error_code` is 403)."""

_NETWORK = (
    "run from a network that the workspace allows, or ask its admin to add this one (IP access lists, Private Link)"
)
_CHECK = "check that DATABRICKS_HOST is the URL of the workspace itself and that no proxy or login page answers for it"
