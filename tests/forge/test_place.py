"""Where a job posts, by the variables of its platform."""

import json
from typing import Any

import pytest

from bandplan.forge.choice import forge_of
from bandplan.forge.errors import NotConfigured
from bandplan.forge.forge import Place
from bandplan.rest.clock import Clock
from tests.forge.forge_fake import TOKEN

GITHUB = {
    "GITHUB_TOKEN": TOKEN,
    "GITHUB_REPOSITORY": "org/repo",
    "GITHUB_REF": "refs/pull/12/merge",
    "GITHUB_RUN_ID": "99",
    "GITHUB_SHA": "a" * 40,
}
GITLAB = {
    "GITLAB_TOKEN": TOKEN,
    "CI_API_V4_URL": "https://gitlab.example/api/v4",
    "CI_PROJECT_ID": "5",
    "CI_MERGE_REQUEST_IID": "12",
    "CI_PIPELINE_ID": "77",
    "CI_COMMIT_SHA": "b" * 40,
}


def place(environ: dict[str, str], event: Any = None, **choices: Any) -> Place:
    given = {**environ, "GITHUB_EVENT_PATH": "event.json"} if event is not None else environ
    forge = forge_of(given, choices.get("platform"))
    return forge.place(given, lambda path: json.dumps(event), choices.get("pull_request"), Clock())


def number(found: Place) -> int:
    """The pull request's number, as the forge has it."""
    return int(vars(found.comments)["_path"].split("/")[-2])


def test_a_pull_request_of_github_actions() -> None:
    found = place(GITHUB)
    assert (number(found), found.run, found.commit) == (12, 99, "a" * 12)


def test_a_merge_request_of_gitlab() -> None:
    found = place(GITLAB)
    assert vars(found.comments)["_path"] == "/projects/5/merge_requests/12/notes"
    assert (found.run, found.commit) == (77, "b" * 12)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"pull_request": {"number": 5}}, 5),
        ({"issue": {"number": 6, "pull_request": {}}}, 6),
        ({"workflow_run": {"pull_requests": [{"number": 7}]}}, 7),
    ],
)
def test_the_event_says_which_pull_request_where_the_ref_does_not(event: Any, expected: int) -> None:
    """pull_request_target, a comment, and the run after a fork's."""
    assert number(place({**GITHUB, "GITHUB_REF": "refs/heads/main"}, event)) == expected


def test_the_number_given_comes_first() -> None:
    assert number(place(GITHUB, {"pull_request": {"number": 5}}, pull_request=3)) == 3


def test_the_commit_is_that_of_the_branch_and_not_of_the_merge() -> None:
    event = {"pull_request": {"number": 12, "head": {"sha": "c" * 40}}}
    assert place(GITHUB, event).commit == "c" * 12


@pytest.mark.parametrize("sha", ["<b>", "main", "", 5, None])
def test_what_is_no_commit_is_left_out(sha: Any) -> None:
    event = {"pull_request": {"number": 12, "head": {"sha": sha}}}
    assert place({**GITHUB, "GITHUB_SHA": "x"}, event).commit == ""


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "this is neither GitHub Actions nor GitLab CI; pass --forge"),
        ({**GITHUB, **GITLAB}, "both .* pass --forge"),
        ({"GITHUB_REPOSITORY": "org/repo"}, "GITHUB_TOKEN must be set"),
        ({**GITHUB, "GITHUB_REPOSITORY": "org/repo/../x"}, "GITHUB_REPOSITORY is not of the form"),
        (
            {**GITHUB, "GITHUB_REF": "refs/heads/main"},
            "does not belong to a pull request; give its number with --pull-request",
        ),
        ({**GITHUB, "GITHUB_TOKEN": "a b"}, "GITHUB_TOKEN is empty or not a token"),
        ({**GITHUB, "GITHUB_API_URL": "http://ghe.example"}, "GITHUB_API_URL is not an https URL"),
        ({"CI_API_V4_URL": "https://x"}, "GITLAB_TOKEN and CI_PROJECT_ID must be set"),
        ({**GITLAB, "CI_PROJECT_ID": "../5"}, "CI_PROJECT_ID is not a number"),
        ({**GITLAB, "CI_MERGE_REQUEST_IID": ""}, "does not belong to a merge request"),
    ],
)
def test_what_is_missing_is_told_by_name(environ: dict[str, str], told: str) -> None:
    with pytest.raises(NotConfigured, match=told) as raised:
        place(environ)
    assert TOKEN not in str(raised.value)


def test_one_of_both_platforms_can_be_chosen() -> None:
    assert place({**GITHUB, **GITLAB}, platform="gitlab").run == 77


def test_an_event_file_that_cannot_be_read_is_as_none() -> None:
    def gone(path: str) -> str:
        raise FileNotFoundError(path)

    environ = {**GITHUB, "GITHUB_EVENT_PATH": "x"}
    found = forge_of(environ).place(environ, gone, None, Clock())
    assert number(found) == 12
