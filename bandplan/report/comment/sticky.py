"""The one comment, written by any number of concurrent jobs without a lock: read, merge, write, check.

Neither platform supports a conditional write. So every writer waits a moment and reads again; a job whose section was
overwritten merges and writes again. Two jobs that both created a comment both notice when they read again: the older
comment stays and takes over the contents of the younger.
"""

import random as random_module
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bandplan.forge.errors import ForgeError, LostAnswer, Overwritten
from bandplan.forge.forge import Comment, Comments
from bandplan.report.comment.body import Posted, is_report, merged, normal, parse, render

ATTEMPTS: Final = 12
SETTLE_SECONDS: Final = 2.0
"""Seconds between a write and the check of it: longer than a job takes from its last read to the write right after it.
A slower job can still overwrite a section that was already checked.
"""

Action = Literal["created", "updated", "unchanged", "silent"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done. `kept` has the keys of sections that a newer run wrote, and that were not overwritten."""

    action: Action
    url: str = ""
    kept: tuple[str, ...] = ()


def post(
    forge: Comments,
    own: Sequence[Posted],
    *,
    is_silent: bool = False,
    sleep: Callable[[float], object] = time.sleep,
    random: Callable[[], float] = random_module.random,
) -> Outcome:
    """Put the `own` sections into the comment. `is_silent`: do not create a comment for them.

    Errors: ForgeError; after ATTEMPTS overwritten writes, with the reason for the last.
    """
    action: Action = "unchanged"
    lost: LostAnswer | None = None
    has_created = False
    for attempt in range(ATTEMPTS):
        comments = own_comments(forge)
        if not comments and is_silent and action == "unchanged":
            return Outcome("silent")
        if comments and holds(comments, own, has_written=action != "unchanged"):
            for younger in comments[1:]:
                forge.delete(younger)
            wanted = together(comments, own)
            kept = tuple(part.section.key for part in own if part not in wanted)
            return Outcome(action, comments[0].url, kept)
        if not comments and has_created:
            # Most likely it is only listed later; another one would be one too many.
            sleep(SETTLE_SECONDS * (1 + random() * attempt))
            continue
        lost = None
        try:
            if comments:
                action = "created" if action == "created" else "updated"
                update(forge, comments, own)
            else:
                action = "created"
                forge.create(render(own))
                has_created = True
        except LostAnswer as error:
            lost = error
        # All jobs check first after the same time; those that lost then spread out.
        sleep(SETTLE_SECONDS * (1 + random() * attempt))
    if has_created and not comments:
        raise ForgeError(
            "a comment was created, but the platform does not list it as this account's; check that the account of the "
            "token may read comments, and delete the comment by hand"
        )
    raise lost or Overwritten(
        f"other jobs overwrote the comment {ATTEMPTS} times; run them one after another (`concurrency` in GitHub "
        "Actions, `resource_group` in GitLab), or report on all stacks in one call"
    )


def own_comments(forge: Comments) -> list[Comment]:
    """Return this account's comments with the marker, the oldest first."""
    found = [comment for comment in forge.comments() if is_report(comment.body) and forge.is_own(comment)]
    return sorted(found, key=lambda comment: (comment.created, comment.id))


def holds(comments: Sequence[Comment], own: Sequence[Posted], *, has_written: bool) -> bool:
    """Return whether the oldest comment has the wanted contents.

    Before a write the contents must match exactly. After a write, every section must be there: another job may run a
    version of this program that formats the rest differently, and two jobs correcting each other would never end.
    """
    parts = together(comments, own)
    if normal(comments[0].body) == normal(render(parts)):
        return True
    known = {(part.section.key, part.run, part.digest) for part in parse(comments[0].body)}
    return has_written and {(part.section.key, part.run, part.digest) for part in parts} <= known


def together(comments: Sequence[Comment], own: Sequence[Posted]) -> tuple[Posted, ...]:
    """Merge the sections of the oldest comment, those of the younger ones, and ours."""
    keeper, *younger = comments
    return merged([*(parse(comment.body) for comment in (*younger, keeper)), own])


def update(forge: Comments, comments: Sequence[Comment], own: Sequence[Posted]) -> None:
    """Rewrite the oldest comment, based on its current contents."""
    keeper = forge.read(comments[0])
    if keeper is not None:
        forge.update(keeper, render(together([keeper, *comments[1:]], own)))
