"""What a newer version changes in the generated files, with the edits of the team kept."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from bandplan.starter.manifest import digest

Verdict = Literal["write", "add", "remove", "merge", "edited", "edited, gone", "linked"]
"""What becomes of a file: replaced, added or removed, because nobody edited it; merged with the edits of the team; or
kept as the team has it, because they edited it or made it a link out of the repository.
"""

Merge = Callable[[str, str, str], str | None]
"""Merges (the team's text, the old generated text, the new one); None if they contradict each other."""


@dataclass(frozen=True)
class Change:
    """A generated file that differs between two versions.

    `before` is what the old version generated (None if it did not, or cannot be generated any more), `after` what the
    new one does, None for a file that it no longer has.
    """

    path: str
    verdict: Verdict
    before: str | None
    after: str | None

    @property
    def is_written(self) -> bool:
        return self.verdict in ("write", "add", "remove", "merge")

    def diff(self) -> str:
        """Return the unified diff from what was generated to what would be; "" if the old text is not known."""
        if self.before is None and self.verdict != "add":
            return ""
        old = (self.before or "").splitlines(keepends=True)
        new = (self.after or "").splitlines(keepends=True)
        names = (f"a/{self.path}" if self.before is not None else "/dev/null", f"b/{self.path}")
        lines = difflib.unified_diff(old, new, *names)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def changes_of(
    generated: Mapping[str, str], before: Mapping[str, str], after: Mapping[str, str], here: Mapping[str, str]
) -> list[Change]:
    """Compare two versions, in the order of the paths.

    `generated` are the recorded digests, `before` and `after` the texts of the old and the new version (`before` may
    lack some), `here` the texts in the repository; all by path.
    """
    found = []
    for path in sorted({*generated, *after}):
        old, new, present = generated.get(path), after.get(path), here.get(path)
        if new is not None and old == digest(new):
            continue  # both versions generate the same
        if present is not None and new == present:
            continue  # the team made the same change already
        found.append(Change(path, _verdict(old, new, present), before.get(path), new))
    return [one for one in found if not (one.verdict == "remove" and one.path not in here)]


def merged_where_possible(changes: list[Change], here: Mapping[str, str], merge: Merge) -> list[Change]:
    """Merge the new version into the files that the team has edited; what cannot be merged stays as it is here.

    A merged change goes from the team's text to the merged one.
    """
    found = []
    for change in changes:
        present = here.get(change.path)
        if (
            change.verdict == "edited"
            and change.before is not None
            and change.after is not None
            and present is not None
        ):
            text = merge(present, change.before, change.after)
            if text == present:
                continue  # the team has all of it already
            if text is not None:
                change = replace(change, verdict="merge", before=present, after=text)
        found.append(change)
    return found


def _verdict(old: str | None, new: str | None, present: str | None) -> Verdict:
    if old is None:
        return "add" if present is None else "edited"
    is_untouched = present is not None and digest(present) == old
    if new is None:
        return "remove" if is_untouched or present is None else "edited, gone"
    if is_untouched:
        return "write"
    return "edited"
