"""Why a read from a forge or a write to it failed; every message can be shown to the user unchanged.

ForgeError
├── NotConfigured   the place to read or write, or the token, is unknown; nothing was sent
├── Refused         the platform refused, with `status`
├── Malformed       something other than the platform's REST API answered
├── Unavailable     there was no answer, or the time for retries ran out
│   └── LostAnswer    a write that may have been carried out, or was deferred: check before resending it
├── NoPlan          there is no reviewed plan, or it cannot be trusted
└── Overwritten     other jobs kept overwriting the comment
"""


class ForgeError(Exception):
    """Base of all errors between this program and a forge."""


class NotConfigured(ForgeError):
    """The environment does not say where to read or write, or with which token."""


class Refused(ForgeError):
    """The platform refused a request; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Malformed(ForgeError):
    """An answer does not have the form that the platform documents."""


class Unavailable(ForgeError):
    """The platform could not be reached, or stayed busy."""


class LostAnswer(Unavailable):
    """A write whose answer never arrived, or that the platform deferred; the text to write may have changed since."""


class NoPlan(ForgeError):
    """The deployed merge has no reviewed plan, or the stored file is not a plan."""


class Overwritten(ForgeError):
    """Every attempt to write was overwritten by another job."""
