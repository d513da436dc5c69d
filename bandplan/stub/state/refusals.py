"""Why the workspace says no.

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
    `- NotReady           TEMPORARILY_UNAVAILABLE

The HTTP status of each code is decided in `bandplan.stub.api.answers`.
"""


class Refusal(Exception):
    """The workspace refuses a request; the message is shown to the client as it is."""

    error_code = "BAD_REQUEST"
    retry_after_seconds: int | None = None
    tells_when_to_retry = True
    """Whether the answer may have a Retry-After."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(Refusal):
    """The request cannot be read at all."""


class Invalid(Refusal):
    """A field breaks a rule."""

    error_code = "INVALID_PARAMETER_VALUE"


class NotFound(Refusal):
    """The thing named is not there."""

    error_code = "RESOURCE_DOES_NOT_EXIST"


class NoSuchFile(Refusal):
    """Nothing lies at that path of the Files API; MLflow takes this very code for "not a directory"."""

    error_code = "NOT_FOUND"


class AlreadyExists(Refusal):
    """The name is taken. Clients look at the code; whether its HTTP status is 400 or 409 differs by source."""

    error_code = "RESOURCE_ALREADY_EXISTS"

    def __init__(self, message: str, is_conflict: bool = False) -> None:
        super().__init__(message)
        self.is_conflict = is_conflict


class FileExists(Refusal):
    """A file lies at that path already."""

    error_code = "ALREADY_EXISTS"


class DirectoryNotEmpty(Refusal):
    """A folder with something in it is deleted only when that is asked for."""

    error_code = "DIRECTORY_NOT_EMPTY"


class Conflict(Refusal):
    """Another change of the same thing is under way."""

    error_code = "RESOURCE_CONFLICT"


class Forbidden(Refusal):
    """The workspace never lets a user do this."""

    error_code = "PERMISSION_DENIED"


class QuotaExceeded(Refusal):
    """There are as many as the workspace may have.

    The code that the platform gives for too many jobs (its knowledge base, "Job rate limit"); for endpoints a guess.
    """

    error_code = "QUOTA_EXCEEDED"


class TooManyRequests(Refusal):
    """More requests than are allowed in a time; one `retry_after_seconds` from now is taken."""

    error_code = "REQUEST_LIMIT_EXCEEDED"

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TooSlow(Refusal):
    """The model took longer than it may."""

    error_code = "DEADLINE_EXCEEDED"


class NotReady(Refusal):
    """The endpoint has no configuration that serves."""

    error_code = "TEMPORARILY_UNAVAILABLE"
