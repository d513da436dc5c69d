"""BadUsage: a file or database that cannot be used; the message has a line for every problem."""


class BadUsage(ValueError):
    """The message is for the user."""
