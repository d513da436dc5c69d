"""Why the child does not answer a request."""


class Refused(Exception):
    """The request cannot be answered; the message says why, without the prompt."""


class Failed(Exception):
    """The model failed on the request; the message says why."""
