"""What holds for every workflow file, whatever runs it: who may do what, what is pinned, what text gets into a shell."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import ROOT
from tests.e2e.expression import evaluated, holds, rendered

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
OURS = [path for path in WORKFLOWS if path.name in ("preview.yml", "deploy.yml", "drift.yml", "rightsize.yml")]
GITLAB = ROOT / "examples" / "gitlab-ci.yml"

by_name = pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)


def loaded(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    return document


def steps(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(job, step)"""
    for name, job in loaded(path)["jobs"].items():
        for step in job["steps"]:
            yield name, step


class _GitLabLoader(yaml.BaseLoader):
    """Knows GitLab's own tag."""


_GitLabLoader.add_constructor("!reference", lambda loader, node: loader.construct_sequence(node))


def gitlab_lines() -> list[str]:
    document = yaml.load(GITLAB.read_text(), Loader=_GitLabLoader)
    return [line for job in document.values() if isinstance(job, dict) for line in job.get("script", ())]


def test_all_four_are_there() -> None:
    assert [path.name for path in OURS] == ["deploy.yml", "drift.yml", "preview.yml", "rightsize.yml"]


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="no `actionlint` on PATH")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint", *map(str, WORKFLOWS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@by_name
def test_every_step_is_a_command_that_runs_on_a_laptop_too(path: Path) -> None:
    for job, step in steps(path):
        if "run" in step and job != "previewed":  # which only looks at how the others ended
            assert re.match(r"(make [a-z-]+|\.venv/bin/bandplan [a-z-]+ )", step["run"])


@by_name
def test_no_expression_stands_in_a_shell_command_and_every_command_parses(path: Path) -> None:
    """What somebody else wrote reaches a shell through variables alone."""
    for _, step in steps(path):
        assert "${{" not in step.get("run", "")
        done = subprocess.run(["bash", "-n"], input=step.get("run", ""), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_every_line_of_the_gitlab_example_parses() -> None:
    lines = gitlab_lines()
    assert len(lines) > 10
    for line in lines:
        done = subprocess.run(["bash", "-n"], input=line, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_their_full_commit_and_name_the_release(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text())
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.match(r" # v\d+\.\d+\.\d+\b", comment), comment


@by_name
def test_permissions_are_stated_and_small(path: Path) -> None:
    document = loaded(path)
    assert document["permissions"] == {"contents": "read"}
    allowed = {
        "preview": {"contents": "read", "id-token": "write", "pull-requests": "write"},
        "offline": {"contents": "read"},
        "previewed": {},
        "deploy": {"contents": "read", "id-token": "write", "actions": "read", "pull-requests": "read"},
        "drift": {"contents": "read", "id-token": "write", "issues": "write"},
        "rightsize": {"contents": "read", "id-token": "write"},
    }
    for name, job in document["jobs"].items():
        assert job["permissions"] == allowed[name]
        assert int(job["timeout-minutes"]) <= 350


@by_name
def test_foreign_code_never_meets_a_secret(path: Path) -> None:
    text = path.read_text()
    assert "pull_request_target" not in text
    assert "workflow_run" not in text
    for name, step in steps(path):
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] == "false"
            assert "ref" not in step["with"], "only what the event is about is checked out"
        if name == "offline":
            assert "secrets." not in str(step)
            assert "github.token" not in str(step)
    offline = loaded(path)["jobs"].get("offline")
    assert offline is None or ("secrets." not in str(offline) and "environment" not in offline)


@by_name
def test_without_a_workspace_nothing_of_it_is_asked(path: Path) -> None:
    event = {"pull_request": {"head": {"repo": {"full_name": "org/repo"}}, "user": {"login": "ana"}}}
    for event_name in ("push", "schedule", "workflow_dispatch", "pull_request"):
        github = {"event_name": event_name, "event": event, "repository": "org/repo", "actor": "ana"}
        for name, job in loaded(path)["jobs"].items():
            runs = holds(job["if"], {"github": github, "vars": {}})
            assert runs is (name == "previewed" or (name == "offline" and event_name == "pull_request"))


@pytest.mark.parametrize(
    ("owner", "author", "actor", "expected"),
    [
        ("org/repo", "ana", "ana", ["preview"]),
        ("org/repo", "ana", "dependabot[bot]", ["preview"]),
        ("somebody/repo", "ana", "ana", ["offline"]),
        ("org/repo", "dependabot[bot]", "dependabot[bot]", ["offline"]),
        # Somebody pushed to Dependabot's branch, or ran its job again: its lock file is still what runs.
        ("org/repo", "dependabot[bot]", "ana", ["offline"]),
    ],
)
def test_a_pull_request_is_previewed_once_with_secrets_only_when_its_code_is_ours(
    owner: str, author: str, actor: str, expected: list[str]
) -> None:
    event = {"pull_request": {"head": {"repo": {"full_name": owner}}, "user": {"login": author}}}
    github = {"event_name": "pull_request", "event": event, "repository": "org/repo", "actor": actor}
    contexts = {"github": github, "vars": {"DATABRICKS_HOST": "https://x"}}
    jobs = loaded(OURS[2])["jobs"]
    assert [name for name, job in jobs.items() if holds(job["if"], contexts)] == [*expected, "previewed"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_whoever_started_a_run_last_decides_nothing(path: Path) -> None:
    assert not re.search(r"github\.(actor|triggering_actor)", path.read_text())


def test_tests_that_need_pulumi_are_run_where_it_is_installed_and_cannot_all_be_skipped() -> None:
    (job,) = {name for path in WORKFLOWS for name, step in steps(path) if "-m pulumi_cli" in str(step.get("run"))}
    (path,) = [path for path in WORKFLOWS if job in loaded(path)["jobs"]]
    commands = [str(step.get("uses", step.get("run"))).split("@")[0] for name, step in steps(path) if name == job]

    assert commands.index("pulumi/actions") < commands.index("pulumi version") < len(commands) - 1
    assert "-m pulumi_cli" in commands[-1]
    assert "if" not in loaded(path)["jobs"][job]


def test_one_release_of_pulumi_is_tested_previews_and_deploys() -> None:
    releases = [
        step["with"]["pulumi-version"] for path in WORKFLOWS for _, step in steps(path) if "pulumi/actions" in str(step)
    ]
    image = yaml.load(GITLAB.read_text(), Loader=_GitLabLoader)["default"]["image"]
    assert len(releases) == 4
    assert re.fullmatch(r"3\.\d+\.\d+", releases[0])
    assert {*releases, image.rpartition(":")[2]} == {releases[0]}


@by_name
def test_the_plugin_is_fetched_with_a_token_that_no_other_program_step_gets(path: Path) -> None:
    """Steps that write or read on GitHub have one, too: a comment, an issue, the reviewed plan."""
    with_token = [step["name"] for _, step in steps(path) if "github.token" in str(step.get("env"))]
    assert "github.token" not in str([job.get("env") for job in loaded(path)["jobs"].values()])
    if path.name == "rightsize.yml":  # it deploys nothing, and needs no plugin
        assert with_token == []
        return
    assert with_token == ["plugin", {"preview.yml": "comment", "deploy.yml": "plan", "drift.yml": "issue"}[path.name]]
    (plugin,) = [step for _, step in steps(path) if step.get("name") == "plugin"]
    assert plugin["run"] == "make install-plugin"


def test_the_plugin_is_of_the_locked_release() -> None:
    done = subprocess.run(
        ["make", "-n", "--no-print-directory", "install-plugin"], cwd=ROOT, capture_output=True, text=True
    )
    line = done.stdout.strip().splitlines()[-1]
    (release,) = re.findall(r"^pulumi-databricks==(\S+)", (ROOT / "requirements" / "run.lock.txt").read_text(), re.M)
    shown = subprocess.run(["bash", "-c", f"pulumi() {{ echo $*; }}; {line}"], cwd=ROOT, capture_output=True, text=True)
    assert shown.stdout.strip() == f"plugin install resource databricks {release}"


def test_zizmor_finds_nothing() -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run([zizmor, "--offline", *WORKFLOWS], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_gitlab_deploys_the_oldest_merge_first() -> None:
    """A resource group has no order by default; docs/gitops.md says how it gets one."""
    document = yaml.load(GITLAB.read_text(), Loader=_GitLabLoader)
    assert document[".deploy"]["resource_group"] == "$STACK"
    assert "process_mode=oldest_first" in (ROOT / "docs" / "gitops.md").read_text()
    assert "process_mode" in GITLAB.read_text()


def test_deployments_of_a_stack_wait_for_each_other_and_the_first_that_fails_stops_the_rest() -> None:
    job = loaded(OURS[0])["jobs"]["deploy"]
    assert job["concurrency"] == {"group": "deploy-${{ matrix.stack }}", "cancel-in-progress": "false"}
    assert (job["strategy"]["max-parallel"], job["strategy"]["fail-fast"]) == ("1", "true")
    assert rendered(job["strategy"]["matrix"]["stack"], {"vars": {}}) == ["dev", "prod"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a' == 'A' && !false", True),
        ("vars.X != ''", False),
        ("vars.X || 'b'", "b"),
        ("fromJSON('[1, 2]')", [1, 2]),
        ("(github.a == 'x' || github.a == 'it''s') && success()", True),
        ("failure() || cancelled()", False),
    ],
)
def test_the_evaluator_of_these_tests_follows_github_s_rules(text: str, expected: object) -> None:
    contexts = {"github": {"a": "it's"}, "vars": {}, "status": "success", "false": False}
    assert evaluated(text, contexts) == expected
