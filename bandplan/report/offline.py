"""What a report says of a preview for which nobody was asked."""

from typing import Final

OFFLINE: Final = (
    "Offline preview, as for a pull request from a fork: compared with the base branch as if that were deployed. No "
    "workspace was asked: hand edits are not seen, and optimization info is what was recorded."
)
