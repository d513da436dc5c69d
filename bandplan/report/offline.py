"""The report's remark on an offline preview."""

from typing import Final

OFFLINE: Final = (
    "Offline preview, as for a pull request from a fork: compared with the base branch as if it were deployed. No "
    "workspace was contacted, so manual edits are not detected, and recorded optimization info is used."
)
