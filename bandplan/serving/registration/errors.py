"""Why a version could not be made, for users.

RegistrationError         a message with place, finding, rule and next step
├── UnsuitableSource      what is to be registered breaks rules; every finding is in the message
└── RegistrationStopped   it was called off; nothing half made is left
"""


class RegistrationError(Exception):
    """No version was made; the message gives the reason and the next step, and needs no traceback."""


class UnsuitableSource(RegistrationError):
    """The source breaks rules of the platform."""


class RegistrationStopped(RegistrationError):
    """The registration was cancelled before it finished."""
