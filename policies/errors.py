"""What keeps the pack from judging at all, as the user sees it."""


class BadConfiguration(Exception):
    """The stack's configuration of the pack cannot be used; the message has every problem, one a line."""
