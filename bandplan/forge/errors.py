"""Why something could not be read from a forge or written there; every message is meant for the user as it stands.

ForgeError
├── NotConfigured   where to look or to write, or with which token, is not known; nothing was sent
├── Refused         the platform said no, with `status`
├── Unavailable     nobody answered, or the time for retries was used up
│   └── LostAnswer    a write that may have been carried out, or was put off: look before sending it again
├── NoPlan          there is no plan that was reviewed, or it is not to be believed
└── Overwritten     other jobs wrote the comment again and again
"""


class ForgeError(Exception):
    """Base of everything that goes wrong between this program and a forge."""


class NotConfigured(ForgeError):
    """The environment does not say where to look or to write, or with which token."""


class Refused(ForgeError):
    """The platform refused a request; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Unavailable(ForgeError):
    """The platform could not be reached, or stayed busy."""


class LostAnswer(Unavailable):
    """A write whose answer never came, or that the platform put off; what to write may be another by now."""


class NoPlan(ForgeError):
    """The merge being deployed has no plan that was reviewed, or what was kept is no plan."""


class Overwritten(ForgeError):
    """Every attempt to write was overwritten by another job."""
