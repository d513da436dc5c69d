"""One comment for all stacks, whatever the jobs do to each other. Every race is played in a fixed order."""

from collections.abc import Callable

import pytest

from bandplan.forge.errors import Overwritten
from bandplan.report.comment import sticky
from bandplan.report.comment.body import MARKER, Posted, parse, render
from bandplan.report.comment.sticky import ATTEMPTS, Outcome
from tests.forge.forge_fake import TOKEN, Fault, ForgeFake, GitHubFake, GitLabFake, serving
from tests.report.conftest import Sleeps, forge_of, part


def post(
    fake: ForgeFake, *own: Posted, sleep: Callable[[float], object] | None = None, is_silent: bool = False
) -> Outcome:
    waits = sleep or (lambda seconds: None)
    return sticky.post(forge_of(fake), own, is_silent=is_silent, sleep=waits, random=lambda: 0.5)


def keys(fake: ForgeFake) -> list[str]:
    """Keys of the sections in the one comment; fails when there are more."""
    (body,) = [body for body in fake.bodies() if body.startswith(MARKER)]
    return [one.section.key for one in parse(body)]


def update_method(fake: ForgeFake) -> str:
    return "PATCH" if isinstance(fake, GitHubFake) else "PUT"


def other_job(fake: ForgeFake, *own: Posted) -> Callable[[], None]:
    """What another job writes, straight into the state."""

    def write() -> None:
        found = [number for number, one in fake.comments.items() if one["body"].startswith(MARKER)]
        parts = {one.section.key: one for number in found for one in parse(fake.comments[number]["body"])}
        body = render([*{**parts, **{one.section.key: one for one in own}}.values()])
        if found:
            fake.comments[found[0]]["body"] = body
        else:
            fake.add(body)

    return write


def test_the_first_job_creates_and_a_second_run_writes_nothing(fake: ForgeFake) -> None:
    assert post(fake, part("prod")).action == "created"
    writes = len(fake.writes())
    assert post(fake, part("prod")).action == "unchanged"
    assert len(fake.writes()) == writes == 1


def test_a_change_is_written_into_the_same_comment(fake: ForgeFake) -> None:
    post(fake, part("prod", 5))
    (number,) = fake.comments
    outcome = post(fake, part("prod", 6, run=101))
    assert outcome.action == "updated"
    assert list(fake.comments) == [number]
    assert "2 to 6 chunks" in fake.bodies()[0]
    assert "2 to 5 chunks" not in fake.bodies()[0]


def test_other_stacks_keep_their_sections(fake: ForgeFake) -> None:
    post(fake, part("prod"))
    post(fake, part("dev"))
    post(fake, part("staging", 7), part("dev", 6, run=101))
    assert keys(fake) == ["fleet/dev", "fleet/prod", "fleet/staging"]
    assert post(fake, part("prod")).action == "unchanged"


def test_the_comment_is_found_behind_many_pages_of_others(fake: ForgeFake) -> None:
    for number in range(250):
        fake.add(f"comment {number}", "somebody", is_bot=False)
    post(fake, part("prod"))
    for number in range(250):
        fake.add(f"later {number}", "somebody", is_bot=False)
    fake.requests.clear()
    assert post(fake, part("prod", 6, run=101)).action == "updated"
    assert sum(one.startswith(MARKER) for one in fake.bodies()) == 1


def test_a_comment_that_somebody_else_made_to_look_like_ours_is_left_alone(fake: ForgeFake) -> None:
    forged = fake.add(render([part("prod", 9)]), "mallory", is_bot=False)
    post(fake, part("prod", 5))
    assert "2 to 9 chunks" in fake.comments[forged]["body"]
    own = [one["body"] for number, one in fake.comments.items() if number != forged]
    assert len(own) == 1
    assert "2 to 5 chunks" in own[0]


def test_a_person_may_post_with_a_token_of_their_own() -> None:
    with serving(GitHubFake(is_app=False)) as fake:
        other_bot = fake.add(render([part("prod", 9)]), "other[bot]")
        post(fake, part("prod", 5))
        post(fake, part("prod", 6, run=101))
        assert "2 to 9 chunks" in fake.comments[other_bot]["body"]
        assert len(fake.comments) == 2


def test_nothing_to_say_makes_no_comment_but_corrects_one_that_is_there(fake: ForgeFake) -> None:
    assert post(fake, part("prod"), is_silent=True).action == "silent"
    assert fake.comments == {}
    post(fake, part("prod", 5))
    assert post(fake, part("prod", 6, run=101), is_silent=True).action == "updated"


def test_a_section_edited_by_hand_is_written_again(fake: ForgeFake) -> None:
    post(fake, part("prod", 5))
    (number,) = fake.comments
    fake.comments[number]["body"] = fake.comments[number]["body"].replace("2 to 5 chunks", "2 to 2 chunks")
    assert post(fake, part("prod", 5)).action == "updated"
    assert "2 to 5 chunks" in fake.comments[number]["body"]


def test_a_job_of_an_older_run_does_not_bring_back_what_was(fake: ForgeFake) -> None:
    post(fake, part("prod", 6, run=200))
    outcome = post(fake, part("prod", 5, run=100))
    assert (outcome.action, outcome.kept) == ("unchanged", ("fleet/prod",))
    assert "2 to 6 chunks" in fake.bodies()[0]


# ---------------------------------------------------------------- several jobs at once


def test_a_write_that_another_job_overwrites_is_written_again(fake: ForgeFake) -> None:
    """The other job read before our write and wrote after it."""
    post(fake, part("prod"))
    stale = fake.bodies()[0]
    dev, staging = part("dev"), part("staging")

    def overwrite(seconds: float) -> None:
        if len(fake.writes()) == 2:  # our first update has just been carried out
            (number,) = fake.comments
            fake.comments[number]["body"] = render([*parse(stale), staging])

    post(fake, dev, sleep=overwrite)
    assert keys(fake) == ["fleet/dev", "fleet/prod", "fleet/staging"]


def test_a_write_of_another_job_between_our_look_and_our_write_is_kept(fake: ForgeFake) -> None:
    post(fake, part("prod"))
    for _ in ("the list", "who am I"):
        fake.before.append(("GET", lambda: None))
    # The third is the look just before the write.
    fake.before.append(("GET", other_job(fake, part("staging"))))
    post(fake, part("dev"))
    assert keys(fake) == ["fleet/dev", "fleet/prod", "fleet/staging"]


def test_of_two_comments_created_at_once_the_older_stays_with_both_sections(fake: ForgeFake) -> None:
    """Ours is the younger: the other job's was created after we looked."""
    fake.before.append(("POST", lambda: fake.add(render([part("staging")]))))
    outcome = post(fake, part("dev"))
    assert list(fake.comments) == [1]
    assert keys(fake) == ["fleet/dev", "fleet/staging"]
    assert outcome.action == "created"


def test_of_two_comments_created_at_once_ours_takes_over_from_the_younger(fake: ForgeFake) -> None:
    def create_younger(seconds: float) -> None:
        if len(fake.writes()) == 1:
            fake.add(render([part("staging")]))

    post(fake, part("dev"), sleep=create_younger)
    assert list(fake.comments) == [1]
    assert keys(fake) == ["fleet/dev", "fleet/staging"]


def test_a_comment_deleted_under_our_hands_is_made_again(fake: ForgeFake) -> None:
    post(fake, part("prod"))
    fake.before.append((update_method(fake), fake.comments.clear))
    post(fake, part("dev"))
    assert "fleet/dev" in keys(fake)


def test_jobs_that_go_on_overwriting_each_other_end_with_a_way_out(fake: ForgeFake) -> None:
    post(fake, part("prod"))
    stale = fake.bodies()[0]

    def overwrite(seconds: float) -> None:
        for number in fake.comments:
            fake.comments[number]["body"] = stale

    with pytest.raises(Overwritten, match="concurrency"):
        post(fake, part("dev"), sleep=overwrite)
    assert len(fake.writes()) == 1 + ATTEMPTS


# ---------------------------------------------------------------- trouble on the way


def test_a_creation_whose_answer_is_lost_is_not_repeated(fake: ForgeFake) -> None:
    fake.faults.append(Fault("POST", loses_answer=True))
    assert post(fake, part("prod")).action == "created"
    assert len(fake.comments) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_creation_that_is_put_off_is_tried_again_after_another_look(fake: ForgeFake, status: int) -> None:
    fake.faults.append(Fault("POST", status, times=2))
    assert post(fake, part("prod")).action == "created"
    assert len(fake.comments) == 1
    assert fake.writes() == ["POST"] * 3


def test_an_update_that_is_put_off_is_made_from_what_is_there_then(fake: ForgeFake) -> None:
    """Another job writes while we wait; a body that was sent again as it was would take that back."""
    post(fake, part("prod"))
    method = update_method(fake)
    fake.faults.append(Fault(method, 503, {"Retry-After": "30"}))
    sleeps = Sleeps()
    write = other_job(fake, part("staging"))

    def sleep(seconds: float) -> None:
        sleeps.sleep(seconds)
        write()

    forge = forge_of(fake, sleeps.clock())
    sticky.post(forge, [part("dev")], sleep=sleep, random=lambda: 0.5)
    assert keys(fake) == ["fleet/dev", "fleet/prod", "fleet/staging"]
    assert 30.0 in sleeps.waited


def test_lists_that_fail_for_a_moment_are_asked_again(fake: ForgeFake) -> None:
    fake.faults.append(Fault("GET", 502, times=3))
    assert post(fake, part("prod")).action == "created"


def test_the_token_goes_to_the_platform_and_nowhere_else(fake: ForgeFake) -> None:
    post(fake, part("prod"))
    assert fake.tokens_seen == {TOKEN}
    assert TOKEN not in "".join(fake.bodies())


def test_gitlabs_notes_about_what_happened_are_no_comments() -> None:
    with serving(GitLabFake()) as fake:
        number = fake.add(render([part("prod", 9)]))
        fake.comments[number]["system"] = True
        post(fake, part("prod", 5))
        assert len(fake.comments) == 2
