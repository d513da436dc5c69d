"""Where this job's comment goes, by the variables that GitHub Actions and GitLab CI set."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bandplan.report.comment.client import Client, Clock, checked_base_url, checked_token, require_set
from bandplan.report.comment.forge import Forge
from bandplan.report.comment.github import GitHub
from bandplan.report.comment.github_access import github_access, repository_name
from bandplan.report.comment.gitlab import GitLab
from bandplan.report.errors import NotConfigured

_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True)
class Place:
    """A pull request's comments; `run` grows from one CI run to the next (0: not known), `commit` may be empty."""

    forge: Forge
    run: int
    commit: str


def find_place(
    environ: Mapping[str, str],
    read_text: Callable[[str], str],
    *,
    platform: str | None = None,
    pull_request: int | None = None,
    clock: Clock,
) -> Place:
    """The place that the environment names; `read_text` reads the file of GitHub's event.

    Errors: NotConfigured that lists everything that is missing.
    """
    there = [name for name, variable in _SIGNS.items() if environ.get(variable)]
    if platform is None and len(there) != 1:
        why = (
            "both GitHub's and GitLab's variables are set" if there else "neither GitHub Actions nor GitLab CI is here"
        )
        raise NotConfigured(f"{why}; say --forge github or --forge gitlab")
    if (platform or there[0]) == "github":
        return _github(environ, _event(environ, read_text), pull_request, clock)
    return _gitlab(environ, pull_request, clock)


_SIGNS: Final = {"github": "GITHUB_REPOSITORY", "gitlab": "CI_API_V4_URL"}


def _github(environ: Mapping[str, str], event: Mapping[str, Any], pull_request: int | None, clock: Clock) -> Place:
    require_set(environ, "GITHUB_TOKEN", "GITHUB_REPOSITORY")
    repository = repository_name(environ)
    number = pull_request or _of_ref(environ.get("GITHUB_REF", "")) or _of_event(event)
    if not number:
        raise NotConfigured("this is no run of a pull request; give its number with --pull-request")
    client = github_access(environ).client(clock)
    head = _at(event, "pull_request", "head", "sha") or environ.get("GITHUB_SHA", "")
    return Place(GitHub(client, repository, number), _number(environ.get("GITHUB_RUN_ID")), _commit(head))


def _gitlab(environ: Mapping[str, str], pull_request: int | None, clock: Clock) -> Place:
    require_set(environ, "GITLAB_TOKEN", "CI_API_V4_URL", "CI_PROJECT_ID")
    project = _number(environ["CI_PROJECT_ID"])
    iid = pull_request or _number(environ.get("CI_MERGE_REQUEST_IID"))
    if not project:
        raise NotConfigured("CI_PROJECT_ID is not a number")
    if not iid:
        raise NotConfigured("this is no pipeline of a merge request; give its number with --pull-request")
    token = checked_token(environ["GITLAB_TOKEN"], "GITLAB_TOKEN")
    base_url = checked_base_url(environ["CI_API_V4_URL"], "CI_API_V4_URL")
    client = Client(base_url, {"PRIVATE-TOKEN": token}, token, clock)
    run, commit = _number(environ.get("CI_PIPELINE_ID")), _commit(environ.get("CI_COMMIT_SHA", ""))
    return Place(GitLab(client, project, iid), run, commit)


def _event(environ: Mapping[str, str], read_text: Callable[[str], str]) -> Mapping[str, Any]:
    """What started the run on GitHub; empty when nothing says it."""
    path = environ.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    try:
        event = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _of_ref(ref: str) -> int:
    found = re.fullmatch(r"refs/pull/(\d{1,18})/(?:merge|head)", ref)
    return int(found[1]) if found else 0


def _of_event(event: Mapping[str, Any]) -> int:
    """The pull request of an event of a pull request, of a comment on one, or of a run that one started."""
    numbers = [_at(event, "pull_request", "number")]
    if _at(event, "issue", "pull_request") is not None:
        numbers.append(_at(event, "issue", "number"))
    started = _at(event, "workflow_run", "pull_requests")
    if isinstance(started, list) and len(started) == 1:
        numbers.append(_at(started[0], "number"))
    return next((number for number in numbers if isinstance(number, int) and number > 0), 0)


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 15 else 0


def _commit(text: Any) -> str:
    return text[:12] if isinstance(text, str) and _COMMIT.fullmatch(text) else ""
