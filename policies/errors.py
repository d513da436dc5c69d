"""Errors that keep the pack from checking anything, as the user sees them."""


class BadConfiguration(Exception):
    """The stack's configuration of the pack is unusable; the message lists every problem, one per line."""


class RuleFailed(Exception):
    """A project's own rule raised an error while it judged; the message has its place in the rule's file."""

    def __init__(self, rule: str, finding: str) -> None:
        """Set the id of the rule and what went wrong."""
        super().__init__(finding)
        self.rule = rule
