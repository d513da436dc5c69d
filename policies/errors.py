"""Errors that keep the pack from checking anything, as the user sees them."""


class BadConfiguration(Exception):
    """The stack's configuration of the pack is unusable; the message lists every problem, one per line."""
