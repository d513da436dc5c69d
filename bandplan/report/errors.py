"""Why there is no report, or why it was not posted; every message is meant for the user as it stands.

ReportError
├── BadInput          a preview, an event log, a price file or an option does not have its shape
└── PostingError      the report is there, its comment is not
    ├── NotConfigured   where to post it, or with which token, is not known; nothing was sent
    ├── Refused         the platform said no, with `status`
    ├── Unavailable     nobody answered, or the time for retries was used up
    │   └── LostAnswer    a write that may have been carried out, or was put off: look before sending it again
    └── Overwritten     other jobs wrote the comment again and again
"""


class ReportError(Exception):
    """Base of what goes wrong between a preview and its report."""


class BadInput(ReportError):
    """What was given does not have its shape; the message lists every problem, one a line."""


class PostingError(ReportError):
    """The comment could not be written."""


class NotConfigured(PostingError):
    """The environment does not say where to post, or with which token."""


class Refused(PostingError):
    """The platform refused a request; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Unavailable(PostingError):
    """The platform could not be reached, or stayed busy."""


class LostAnswer(Unavailable):
    """A write whose answer never came, or that the platform put off; what to write may be another by now."""


class Overwritten(PostingError):
    """Every attempt to write was overwritten by another job."""
