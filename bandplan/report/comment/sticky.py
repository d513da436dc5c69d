"""The one comment, written by any number of jobs at once without a lock: read, merge, write, look whether it held.

Neither platform can write on condition that nothing changed meanwhile. So whoever wrote waits a moment and reads again;
a job whose section was overwritten by another's write merges and writes again. Two jobs that both created a comment
both find out when they read again: the older comment stays, and takes over what the younger has.
"""

import random as random_module
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bandplan.forge.errors import LostAnswer, Overwritten
from bandplan.forge.forge import Comment, Comments
from bandplan.report.comment.body import Posted, is_report, merged, normal, parse, render

ATTEMPTS: Final = 12
SETTLE_SECONDS: Final = 2.0
"""Between a write and the look whether it held: longer than a job takes from its last read to its write, which follow
each other at once. A job that takes longer can still win over one that has looked already."""

Action = Literal["created", "updated", "unchanged", "silent"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done. `kept` are keys of sections that a newer run has written, and which were left alone."""

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
    """Bring `own` sections into the comment. `is_silent`: not worth a comment of its own, where there is none yet.

    Errors: ForgeError; of ATTEMPTS writes that did not hold the last says why.
    """
    action: Action = "unchanged"
    lost: LostAnswer | None = None
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
        lost = None
        try:
            if comments:
                action = "created" if action == "created" else "updated"
                update(forge, comments, own)
            else:
                action = "created"
                forge.create(render(own))
        except LostAnswer as error:
            lost = error
        # The first look comes after the same time for all; those that lost then go apart from each other.
        sleep(SETTLE_SECONDS * (1 + random() * attempt))
    raise lost or Overwritten(
        f"other jobs overwrote the comment {ATTEMPTS} times; run them one after another (`concurrency` in GitHub "
        "Actions, `resource_group` in GitLab), or report on all stacks in one call"
    )


def own_comments(forge: Comments) -> list[Comment]:
    """The comments with our marker that this account wrote, the oldest first."""
    found = [comment for comment in forge.comments() if is_report(comment.body) and forge.is_own(comment)]
    return sorted(found, key=lambda comment: (comment.created, comment.id))


def holds(comments: Sequence[Comment], own: Sequence[Posted], *, has_written: bool) -> bool:
    """Whether the oldest comment says what it should.

    Before a write: exactly that. After one, it is enough that every section is there: another job may have a version of
    this program that writes the rest differently, and two that correct each other would never end.
    """
    parts = together(comments, own)
    if normal(comments[0].body) == normal(render(parts)):
        return True
    known = {(part.section.key, part.run, part.digest) for part in parse(comments[0].body)}
    return has_written and {(part.section.key, part.run, part.digest) for part in parts} <= known


def together(comments: Sequence[Comment], own: Sequence[Posted]) -> tuple[Posted, ...]:
    """What the oldest comment should hold: its own, what the younger have beside it, and ours."""
    keeper, *younger = comments
    return merged([*(parse(comment.body) for comment in (*younger, keeper)), own])


def update(forge: Comments, comments: Sequence[Comment], own: Sequence[Posted]) -> None:
    """Write the oldest comment anew, from what it holds at this moment."""
    keeper = forge.read(comments[0])
    if keeper is not None:
        forge.update(keeper, render(together([keeper, *comments[1:]], own)))
