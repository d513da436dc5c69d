"""GitLab: notes of a merge request, and plans that a pipeline stored.

Source of paths: docs.gitlab.com/api, "Notes", "Commits", "Merge requests", "Pipelines", "Jobs", "Job artifacts"; of
variables: docs.gitlab.com/ci/variables/predefined_variables (read 2026-11).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from bandplan.forge.artifact import fetched
from bandplan.forge.client import Client, ForgeAnswer
from bandplan.forge.environment import checked_base_url, checked_token, number, require_set, short_commit
from bandplan.forge.errors import ForgeError, NoPlan, NotConfigured
from bandplan.forge.forge import Comment, Issues, Place, ReadText
from bandplan.forge.rest_comments import RestComments
from bandplan.forge.shape import part, record, records, text
from bandplan.rest.clock import Clock

_NEXT_STEPS: Final = {
    401: "the token is wrong or has expired; a CI_JOB_TOKEN may not write notes, so give a project access token",
    403: "the token may not write notes: it needs the scope `api` and the role Reporter or above",
    404: "no such merge request, or the token may not see it; check CI_PROJECT_ID and --pull-request",
}

_FRESH: Final = (
    "run a pipeline by hand on this branch with the job `preview`, read its report, and deploy that plan with the "
    "pipeline's number (`bandplan docs gitops`, When a plan is refused)"
)


class GitLab:
    """A `Forge`, by the variables that GitLab CI sets."""

    name = "gitlab"
    sign = "CI_API_V4_URL"
    identity_variables: tuple[str, ...] = ()
    identity_hint = "in GitLab CI it comes from `id_tokens:` of the job"

    def place(self, environ: Mapping[str, str], read_text: ReadText, pull_request: int | None, clock: Clock) -> Place:
        require_set(environ, "GITLAB_TOKEN", "CI_API_V4_URL", "CI_PROJECT_ID")
        project = number(environ["CI_PROJECT_ID"])
        iid = pull_request or number(environ.get("CI_MERGE_REQUEST_IID"))
        if not project:
            raise NotConfigured("CI_PROJECT_ID is not a number")
        if not iid:
            raise NotConfigured("this pipeline does not belong to a merge request; give its number with --pull-request")
        client = _client(environ, clock)
        run, commit = number(environ.get("CI_PIPELINE_ID")), short_commit(environ.get("CI_COMMIT_SHA", ""))
        return Place(GitLabComments(client, project, iid), run, commit)

    def issues(self, environ: Mapping[str, str], clock: Clock) -> Issues:
        raise NotConfigured("issues are opened only on GitHub; on GitLab, read the job's log")

    def reviewed_plans(
        self, environ: Mapping[str, str], preview: str | None, most_bytes: int, clock: Clock
    ) -> "GitLabPlans":
        names = ("GITLAB_TOKEN", "CI_API_V4_URL", "CI_PROJECT_ID", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME")
        missing = [name for name in names if not environ.get(name, "").strip()]
        if missing:
            raise NotConfigured(f"fetch-plan: {', '.join(missing)} not set")
        if not environ["CI_PROJECT_ID"].isdecimal():
            raise NotConfigured("CI_PROJECT_ID is not a number")
        commit, branch = environ["CI_COMMIT_SHA"], environ["CI_COMMIT_REF_NAME"]
        project = GitLabProject(environ["CI_PROJECT_ID"], commit, branch, preview or "preview")
        return GitLabPlans(project, most_bytes, _client(environ, clock))

    def token_request(self, environ: Mapping[str, str], audience: str) -> None:
        return None  # `id_tokens:` puts the token into a variable that the job chooses


@dataclass(frozen=True)
class GitLabProject:
    """Where to look. `job` is the preview's job in the pipeline, without its matrix."""

    number: str
    commit: str
    branch: str
    job: str


class GitLabComments(RestComments):
    """`Comments` of merge request `iid` of project `project` (a number)."""

    update_method = "PUT"
    order = "&sort=asc&order_by=created_at"
    next_steps = _NEXT_STEPS

    def __init__(self, client: Client, project: int, iid: int) -> None:
        notes = f"/projects/{project}/merge_requests/{iid}/notes"
        super().__init__(client, notes, notes)
        self._username: str | None = None

    def is_own(self, comment: Comment) -> bool:
        if self._username is None:
            self._username = text(record(self._call("GET", "/user").body, "/user", "an account"), "username")
        return bool(self._username) and comment.author == self._username

    def _comment(self, item: Mapping[str, Any]) -> Comment | None:
        if item.get("system"):
            return None
        return Comment(
            id=item["id"],
            body=text(item, "body"),
            created=text(item, "created_at"),
            author=text(part(item, "author"), "username"),
            is_by_bot=False,
            url="",
        )

    def _has_next_page(self, answer: ForgeAnswer) -> bool:
        return bool(answer.headers.get("x-next-page", "").strip())


class GitLabPlans:
    """`ReviewedPlans` of a project: pipelines, and the artifacts of their jobs."""

    def __init__(self, project: GitLabProject, most_bytes: int, client: Client) -> None:
        self._project = project
        self._most_bytes = most_bytes
        self._client = client

    def run_of_merge(self) -> int:
        """Return the newest pipeline of the merge request merged by this commit; it must have succeeded."""
        project = self._project
        path = f"/repository/commits/{quote(project.commit, safe='')}/merge_requests?per_page=100"
        found = records(self._get(path), path, "merge requests", "iid")
        merged = [one for one in found if one.get("state") == "merged" and one.get("target_branch") == project.branch]
        if not merged:
            raise NoPlan(
                f"no plan: commit {project.commit[:10]} does not merge a merge request into {project.branch}; {_FRESH}"
            )
        number = int(merged[0]["iid"])
        path = f"/merge_requests/{number}/pipelines?per_page=100"
        pipelines = records(self._get(path), path, "pipelines", "id")
        previews = [one for one in pipelines if one.get("source") == "merge_request_event"]
        if not previews:
            raise NoPlan(f"no plan: no pipeline ran for merge request {number}; {_FRESH}")
        newest = max(previews, key=lambda one: int(one["id"]))
        if newest.get("status") != "success":
            raise NoPlan(
                f"no plan: the last pipeline of merge request {number} ({newest['id']}) ended as "
                f"{newest.get('status')}; {_FRESH}"
            )
        return int(newest["id"])

    def require_own_run(self, run: int) -> None:
        """Raise NoPlan unless pipeline `run` is for this commit, started by hand on this branch."""
        project = self._project
        path = f"/pipelines/{run}"
        found = record(self._get(path), path, "a pipeline")
        wrong = [
            finding
            for is_wrong, finding in (
                (found.get("source") != "web", "was not started by hand"),
                (found.get("ref") != project.branch, f"is not on the branch {project.branch}"),
                (found.get("sha") != project.commit, f"is not for commit {project.commit[:10]}"),
            )
            if is_wrong
        ]
        if wrong:
            raise NoPlan(f"pipeline {run}: {'; '.join(wrong)}; {_FRESH}")

    def plan(self, run: int, stack: str) -> bytes:
        """Return `plan-STACK.json` of the pipeline's preview of that stack."""
        path = f"/pipelines/{run}/jobs?per_page=100"
        jobs = records(self._get(path), path, "jobs", "id")
        names = {self._project.job, f"{self._project.job}: [{stack}]"}
        there = [one for one in jobs if one.get("name") in names and one.get("status") == "success"]
        if not there:
            raise NoPlan(f"no plan: pipeline {run} has no job {self._project.job}: [{stack}] that succeeded; {_FRESH}")
        newest = max(there, key=lambda one: int(one["id"]))
        path = f"/projects/{self._project.number}/jobs/{int(newest['id'])}/artifacts/plan-{quote(stack, safe='')}.json"
        return fetched(self._client, path, self._most_bytes, _FRESH)

    def _get(self, path: str) -> Any:
        try:
            return self._client.call("GET", f"/projects/{self._project.number}{path}").body
        except ForgeError as error:
            raise NoPlan(f"no plan: {error}; GITLAB_TOKEN needs the scope read_api") from error


def _client(environ: Mapping[str, str], clock: Clock) -> Client:
    """Return a client with GITLAB_TOKEN, at CI_API_V4_URL; both are set. Errors: NotConfigured."""
    token = checked_token(environ["GITLAB_TOKEN"], "GITLAB_TOKEN")
    base_url = checked_base_url(environ["CI_API_V4_URL"], "CI_API_V4_URL")
    return Client(base_url, {"PRIVATE-TOKEN": token}, token, clock, environ)
