"""The reasons why a version could not be made, for users.

RegistrationError         a message with place, finding, rule and next step
├── UnsuitableSource      the source breaks rules; every finding is in the message
└── RegistrationStopped   it was cancelled; nothing incomplete is left
"""


class RegistrationError(Exception):
    """No version was made; the message gives the reason and the next step, and needs no traceback."""


class UnsuitableSource(RegistrationError):
    """The source breaks rules of the platform."""


class RegistrationStopped(RegistrationError):
    """The registration was cancelled before it finished."""
