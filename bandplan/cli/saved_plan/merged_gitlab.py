"""The plan that the preview of a merged merge request kept: found from the merge commit, through GitLab's REST API.

Source of paths: docs.gitlab.com/api, "Commits", "Merge requests", "Pipelines", "Jobs", "Job artifacts" (read 2026-11).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from bandplan.cli.errors import CommandError
from bandplan.cli.saved_plan.download import download
from bandplan.report.comment.client import Client, Clock, checked_base_url, checked_token
from bandplan.report.errors import PostingError

_FRESH: Final = (
    "run a pipeline by hand on this branch with the job `preview`, read its report, and deploy that plan with the "
    "pipeline's number (docs/gitops.md, When a plan is refused)"
)


@dataclass(frozen=True)
class GitLabProject:
    """Where to look. `job` is the preview's job in the pipeline, without its matrix."""

    number: str
    commit: str
    branch: str
    job: str
    base_url: str
    token: str


def gitlab_project_of(environ: Mapping[str, str], job: str) -> GitLabProject:
    """By the variables of GitLab CI. Errors: CommandError that lists everything that is missing."""
    names = ("GITLAB_TOKEN", "CI_API_V4_URL", "CI_PROJECT_ID", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME")
    missing = [name for name in names if not environ.get(name, "").strip()]
    if missing:
        raise CommandError(f"fetch-plan: {', '.join(missing)} not set")
    if not environ["CI_PROJECT_ID"].isdecimal():
        raise CommandError("CI_PROJECT_ID is not a number")
    try:
        token = checked_token(environ["GITLAB_TOKEN"], "GITLAB_TOKEN")
        base_url = checked_base_url(environ["CI_API_V4_URL"], "CI_API_V4_URL")
    except PostingError as error:
        raise CommandError(str(error)) from error
    commit, branch = environ["CI_COMMIT_SHA"], environ["CI_COMMIT_REF_NAME"]
    return GitLabProject(environ["CI_PROJECT_ID"], commit, branch, job, base_url, token)


class MergedGitLabPlans:
    """Looks plans up. Errors of every call: CommandError."""

    def __init__(self, project: GitLabProject, clock: Clock) -> None:
        self._project = project
        self._client = Client(project.base_url, {"PRIVATE-TOKEN": project.token}, project.token, clock)

    def run_of_merge(self) -> int:
        """The newest pipeline of the merge request whose merge is this commit; it must have succeeded."""
        project = self._project
        found = self._get(f"/repository/commits/{quote(project.commit, safe='')}/merge_requests?per_page=100")
        merged = [one for one in found if one.get("state") == "merged" and one.get("target_branch") == project.branch]
        if not merged:
            raise CommandError(
                f"no plan: commit {project.commit[:10]} is the merge of no merge request into {project.branch}; "
                f"{_FRESH}"
            )
        number = int(merged[0]["iid"])
        pipelines = self._get(f"/merge_requests/{number}/pipelines?per_page=100")
        previews = [one for one in pipelines if one.get("source") == "merge_request_event"]
        if not previews:
            raise CommandError(f"no plan: no pipeline ran for merge request {number}; {_FRESH}")
        newest = max(previews, key=lambda one: int(one["id"]))
        if newest.get("status") != "success":
            raise CommandError(
                f"no plan: the last pipeline of merge request {number} ({newest['id']}) ended as "
                f"{newest.get('status')}; {_FRESH}"
            )
        return int(newest["id"])

    def require_own_run(self, run: int) -> None:
        """CommandError unless pipeline `run` is of this commit, started by hand on this branch."""
        project = self._project
        found = self._get(f"/pipelines/{run}")
        wrong = [
            finding
            for is_wrong, finding in (
                (found.get("source") != "web", "was not started by hand"),
                (found.get("ref") != project.branch, f"is not of the branch {project.branch}"),
                (found.get("sha") != project.commit, f"is not of commit {project.commit[:10]}"),
            )
            if is_wrong
        ]
        if wrong:
            raise CommandError(f"pipeline {run}: {'; '.join(wrong)}; {_FRESH}")

    def plan(self, run: int, stack: str) -> bytes:
        """`plan-STACK.json` of the pipeline's preview of that stack."""
        jobs = self._get(f"/pipelines/{run}/jobs?per_page=100")
        names = {self._project.job, f"{self._project.job}: [{stack}]"}
        there = [one for one in jobs if one.get("name") in names and one.get("status") == "success"]
        if not there:
            raise CommandError(
                f"no plan: pipeline {run} has no job {self._project.job}: [{stack}] that succeeded; {_FRESH}"
            )
        newest = max(there, key=lambda one: int(one["id"]))
        path = f"/projects/{self._project.number}/jobs/{int(newest['id'])}/artifacts/plan-{quote(stack, safe='')}.json"
        return download(self._project.base_url + path, {"PRIVATE-TOKEN": self._project.token}, _FRESH)

    def _get(self, path: str) -> Any:
        try:
            return self._client.call("GET", f"/projects/{self._project.number}{path}").body or {}
        except PostingError as error:
            raise CommandError(f"no plan: {error}; GITLAB_TOKEN needs the scope read_api") from error
