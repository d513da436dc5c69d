"""Why there is no report; the message is meant for the user as it stands. Why it was not posted: `forge.errors`."""


class BadInput(Exception):
    """A preview, an event log, a price file or an option does not have its shape; the message lists every problem."""
