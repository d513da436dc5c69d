"""The plan that the preview of a merged pull request kept: found from the merge commit, through GitHub's REST API.

Source of paths: docs.github.com/rest, "Commits", "Workflow runs" and "Artifacts" (read 2026-11).
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from bandplan.cli.errors import CommandError
from bandplan.cli.saved_plan.download import download
from bandplan.cli.saved_plan.file import MOST_BYTES
from bandplan.report.comment.client import Clock
from bandplan.report.comment.github_access import GitHubAccess, github_access, repository_name
from bandplan.report.errors import PostingError

_FRESH: Final = (
    "run the preview workflow by hand on this branch, read its summary, and deploy that plan with its run's number "
    "(docs/gitops.md, When a plan is refused)"
)


@dataclass(frozen=True)
class Repository:
    """Where to look. `name` is owner/name, `workflow` the preview's file name."""

    name: str
    commit: str
    branch: str
    workflow: str
    access: GitHubAccess


def repository_of(environ: Mapping[str, str], workflow: str) -> Repository:
    """By the variables of GitHub Actions. Errors: CommandError that lists everything that is missing."""
    names = ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_REF_NAME")
    missing = [name for name in names if not environ.get(name, "").strip()]
    if missing:
        raise CommandError(f"fetch-plan runs in GitHub Actions: {', '.join(missing)} not set")
    try:
        name, access = repository_name(environ), github_access(environ)
    except PostingError as error:
        raise CommandError(str(error)) from error
    return Repository(name, environ["GITHUB_SHA"], environ["GITHUB_REF_NAME"], workflow, access)


class MergedPlans:
    """Looks plans up. Errors of every call: CommandError."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._client = repository.access.client(clock)

    def run_of_merge(self) -> int:
        """The newest preview run of the pull request whose merge is this commit; it must have succeeded."""
        repository = self._repository
        pulls = self._get(f"/commits/{quote(repository.commit, safe='')}/pulls?per_page=100")
        pull = merged_pull(pulls, repository.commit, repository.branch)
        if pull is None:
            raise CommandError(
                f"no plan: commit {repository.commit[:10]} is the merge of no pull request into {repository.branch}; "
                f"{_FRESH}"
            )
        head = quote(str(pull["head"]["sha"]), safe="")
        workflow = quote(repository.workflow, safe="")
        found = self._get(f"/actions/workflows/{workflow}/runs?event=pull_request&head_sha={head}&per_page=100")
        runs = found.get("workflow_runs") or []
        if not runs:
            raise CommandError(
                f"no plan: {repository.workflow} did not run for pull request {pull['number']}; {_FRESH}"
            )
        newest = max(runs, key=lambda run: int(run["id"]))
        if newest.get("conclusion") != "success":
            how = newest.get("conclusion") or newest.get("status")
            raise CommandError(
                f"no plan: the last preview of pull request {pull['number']} (run {newest['id']}) ended as {how}; "
                f"{_FRESH}"
            )
        return int(newest["id"])

    def require_own_run(self, run: int) -> None:
        """CommandError unless `run` is a preview of this commit, started by hand on this branch."""
        repository = self._repository
        found = self._get(f"/actions/runs/{run}")
        is_preview = str(found.get("path", "")).split("@")[0] == f".github/workflows/{repository.workflow}"
        wrong = [
            finding
            for is_wrong, finding in (
                (not is_preview, f"is no run of {repository.workflow}"),
                (found.get("event") != "workflow_dispatch", "was not started by hand"),
                (found.get("head_branch") != repository.branch, f"is not of the branch {repository.branch}"),
                (found.get("head_sha") != repository.commit, f"is not of commit {repository.commit[:10]}"),
                (found.get("conclusion") != "success", "did not succeed"),
            )
            if is_wrong
        ]
        if wrong:
            raise CommandError(f"run {run}: {'; '.join(wrong)}; {_FRESH}")

    def plan(self, run: int, stack: str) -> bytes:
        """The one file of the run's artifact `plan-STACK`."""
        name = f"plan-{stack}"
        listed = self._get(f"/actions/runs/{run}/artifacts?name={quote(name, safe='')}&per_page=100")
        there = [one for one in listed.get("artifacts") or [] if one.get("name") == name and not one.get("expired")]
        if not there:
            raise CommandError(f"no plan: run {run} has no artifact {name} (any more); {_FRESH}")
        newest = max(there, key=lambda one: int(one["id"]))
        path = f"/repos/{self._repository.name}/actions/artifacts/{int(newest['id'])}/zip"
        access = self._repository.access
        credentials = {"Authorization": f"Bearer {access.token}"}
        return only_file(download(access.base_url + path, credentials, _FRESH), name)

    def _get(self, path: str) -> Any:
        try:
            return self._client.call("GET", f"/repos/{self._repository.name}{path}").body or {}
        except PostingError as error:
            hint = "the job needs `permissions: {actions: read, contents: read, pull-requests: read}`"
            raise CommandError(f"no plan: {error}; {hint}") from error


def merged_pull(pulls: Any, commit: str, branch: str) -> dict[str, Any] | None:
    """The pull request that `commit` is the merge of, whichever way it was merged."""
    merged = [
        pull
        for pull in (pulls if isinstance(pulls, list) else [])
        if pull.get("merged_at") and (pull.get("base") or {}).get("ref") == branch
    ]
    exact = [pull for pull in merged if pull.get("merge_commit_sha") == commit]
    found: list[dict[str, Any]] = exact or merged
    return found[0] if found else None


def only_file(archive: bytes, name: str) -> bytes:
    """The content of the archive's one file; it comes from a pull request's job, so nothing of it is believed."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            entries = [entry for entry in files.infolist() if not entry.is_dir()]
            if len(entries) != 1 or entries[0].file_size > MOST_BYTES:
                raise CommandError(f"artifact {name}: holds more than one plan; {_FRESH}")
            with files.open(entries[0]) as file:
                return file.read(MOST_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise CommandError(f"artifact {name}: is no archive that can be read; {_FRESH}") from error
