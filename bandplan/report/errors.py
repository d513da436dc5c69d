"""Errors that prevent a report; each message is shown to the user unchanged. For failed posts see `forge.errors`."""


class BadInput(Exception):
    """A preview, an event log, a price file or an option has the wrong shape; the message lists every problem."""
