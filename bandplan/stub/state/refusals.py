"""Reasons for which the workspace refuses a request.

    Refusal
    |- BadRequest         BAD_REQUEST
    |- Invalid            INVALID_PARAMETER_VALUE
    |- NotFound           RESOURCE_DOES_NOT_EXIST
    |- NoSuchFile         NOT_FOUND
    |- AlreadyExists      RESOURCE_ALREADY_EXISTS
    |- FileExists         ALREADY_EXISTS
    |- DirectoryNotEmpty  DIRECTORY_NOT_EMPTY
    |- Conflict           RESOURCE_CONFLICT
    |- Forbidden          PERMISSION_DENIED
    |- QuotaExceeded      QUOTA_EXCEEDED
    |- TooManyRequests    REQUEST_LIMIT_EXCEEDED, with the seconds to wait
    |- TooSlow            DEADLINE_EXCEEDED
    |- ModelFailed        INTERNAL_ERROR
    `- NotReady           TEMPORARILY_UNAVAILABLE

The HTTP status of each code is decided in `bandplan.stub.api.answers`.
"""


class Refusal(Exception):
    """The workspace refuses a request; the client gets the message unchanged."""

    error_code = "BAD_REQUEST"
    retry_after_seconds: int | None = None
    tells_when_to_retry = True
    """Whether the answer may have a Retry-After header."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(Refusal):
    """The request is malformed."""


class Invalid(Refusal):
    """A field violates a rule."""

    error_code = "INVALID_PARAMETER_VALUE"


class NotFound(Refusal):
    """The named object does not exist."""

    error_code = "RESOURCE_DOES_NOT_EXIST"


class NoSuchFile(Refusal):
    """No file exists at that path of the Files API; MLflow takes this code for "not a directory"."""

    error_code = "NOT_FOUND"


class AlreadyExists(Refusal):
    """The name is taken. Clients check the code; sources differ on whether its HTTP status is 400 or 409."""

    error_code = "RESOURCE_ALREADY_EXISTS"

    def __init__(self, message: str, is_conflict: bool = False) -> None:
        super().__init__(message)
        self.is_conflict = is_conflict


class FileExists(Refusal):
    """A file already exists at that path."""

    error_code = "ALREADY_EXISTS"


class DirectoryNotEmpty(Refusal):
    """The folder has contents and the request does not ask to delete them."""

    error_code = "DIRECTORY_NOT_EMPTY"


class Conflict(Refusal):
    """Another change of the same object is in progress."""

    error_code = "RESOURCE_CONFLICT"


class Forbidden(Refusal):
    """The workspace never allows a user to do this."""

    error_code = "PERMISSION_DENIED"


class QuotaExceeded(Refusal):
    """The workspace has reached its maximum number of objects.

    The platform gives this code for too many jobs (its knowledge base, "Job rate limit"); for endpoints it is a guess.
    """

    error_code = "QUOTA_EXCEEDED"


class TooManyRequests(Refusal):
    """Too many requests within a period; a request after `retry_after_seconds` is accepted."""

    error_code = "REQUEST_LIMIT_EXCEEDED"

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TooSlow(Refusal):
    """The model took longer than allowed."""

    error_code = "DEADLINE_EXCEEDED"


class ModelFailed(Refusal):
    """The model, or what runs it, failed on this request."""

    error_code = "INTERNAL_ERROR"


class NotReady(Refusal):
    """The endpoint has no serving configuration."""

    error_code = "TEMPORARILY_UNAVAILABLE"
