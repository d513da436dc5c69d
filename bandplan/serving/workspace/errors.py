"""The reasons why a call to a workspace failed; every message is fit for the user as it is.

WorkspaceError
  NotConfigured      host or token missing or unusable; nothing was sent
  Unreachable        nobody answers at host and port; nothing was carried out
  LostAnswer         sent, but no answer came; a write may or may not have been carried out
  NotAWorkspace      something other than the REST API answered (web page, redirect, broken JSON)
  Unauthorized       the token is missing, wrong or expired
    Blocked          the workspace does not allow this machine's network
  Throttled          still 429 or 503 when the time for retries was used up
  Refused            the platform refused, with its status, error code and reason
    NotFound
    Conflict
    Forbidden
"""


class WorkspaceError(Exception):
    """Base of every error between this program and a workspace."""


class NotConfigured(WorkspaceError):
    """The address or the token of the workspace is missing or cannot be used."""


class Unreachable(WorkspaceError):
    """No connection to the workspace could be made."""

    def __init__(self, host: str, port: int, message: str) -> None:
        super().__init__(message)
        self.host = host
        self.port = port


class LostAnswer(WorkspaceError):
    """The request was sent, but no (complete) answer came back."""


class NotAWorkspace(WorkspaceError):
    """The address answers, but not with the REST API of a workspace."""


class Unauthorized(WorkspaceError):
    """The workspace does not accept the token; with `status` 403, perhaps only for this request."""

    def __init__(self, message: str, status: int = 401) -> None:
        super().__init__(message)
        self.status = status


class Blocked(Unauthorized):
    """The workspace does not allow the address or the network that the request came from, whatever the token."""


class Throttled(WorkspaceError):
    """The workspace kept answering 429 or 503 until the time for retries was used up."""


class Refused(WorkspaceError):
    """The platform refused the request.

    `status` is the HTTP status, `error_code` the platform's code ("" if it gave none), `reason` its message.
    """

    def __init__(self, status: int, error_code: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.reason = reason


class NotFound(Refused):
    """The object that the request names does not exist, or this token may not see it."""


class Conflict(Refused):
    """The request conflicts with the present state: an update is already running, or the name is taken."""


class Forbidden(Refused):
    """The token is valid but lacks the permission."""
