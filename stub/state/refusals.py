"""Why the workspace says no.

    Refusal
    |- BadRequest         BAD_REQUEST
    |- Invalid            INVALID_PARAMETER_VALUE
    |- NotFound           RESOURCE_DOES_NOT_EXIST
    |- AlreadyExists      RESOURCE_ALREADY_EXISTS
    |- Conflict           RESOURCE_CONFLICT
    |- Forbidden          PERMISSION_DENIED
    `- NotReady           TEMPORARILY_UNAVAILABLE

The HTTP status of each code is decided in `stub.api.answers`.
"""


class Refusal(Exception):
    """The workspace refuses a request; the message is shown to the client as it is."""

    error_code = "BAD_REQUEST"

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


class AlreadyExists(Refusal):
    """The name is taken."""

    error_code = "RESOURCE_ALREADY_EXISTS"


class Conflict(Refusal):
    """Another change of the same thing is under way."""

    error_code = "RESOURCE_CONFLICT"


class Forbidden(Refusal):
    """The workspace never lets a user do this."""

    error_code = "PERMISSION_DENIED"


class NotReady(Refusal):
    """The endpoint has no configuration that serves."""

    error_code = "TEMPORARILY_UNAVAILABLE"
