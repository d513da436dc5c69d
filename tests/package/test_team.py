"""A team's own repository, with nothing but the installed wheel: from `init` to an upgrade."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package.conftest import PREVIOUS
from tests.package.installation import VERSION, Installation

pytestmark = pytest.mark.timeout(600)
"""Each test is a dozen processes, and the first of a run waits for a package that is built and installed."""

STACKS = ("--stack", "dev=https://dev.example.com", "--stack", "prod")


class Team:
    """A repository in a folder of its own."""

    def __init__(self, folder: Path, installed: Installation) -> None:
        self.folder, self.installed = folder, installed

    def run(self, *arguments: str, status: int | None = 0, **variables: str) -> str:
        return self.installed.run(*arguments, folder=self.folder, status=status, **variables)

    def init(self, *arguments: str, **variables: str) -> str:
        """Write the repository, from the folder above it."""
        self.folder.parent.mkdir(exist_ok=True, parents=True)
        above = self.folder.parent
        return self.installed.run("init", self.folder.name, *arguments, folder=above, **variables)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.folder / path).read_text()
        assert old in text
        (self.folder / path).write_text(text.replace(old, new, 1))
        # Python takes byte code of the same second and size for current; nobody edits a file that fast by hand.
        later = (self.folder / path).stat().st_mtime + 2
        os.utime(self.folder / path, (later, later))

    @property
    def workspace(self) -> dict[str, str]:
        """The local workspace as a real one would be named in the environment."""
        status = json.loads(self.run("stub", "status", "--json"))
        return {"DATABRICKS_HOST": status["host"], "DATABRICKS_TOKEN": Path(status["token_file"]).read_text().strip()}


@pytest.fixture
def team(tmp_path: Path, installed: Installation) -> Iterator[Team]:
    made = Team(tmp_path / "fleet", installed)
    yield made
    if (made.folder / ".bandplan").is_dir():
        made.run("stub", "stop")


def test_a_team_on_github_goes_from_nothing_to_a_reviewed_change(team: Team) -> None:
    said = team.init(*STACKS, "--yes")
    assert "bandplan up" in said and "make " not in said
    assert "check: passed" in team.run("check")
    assert "support-chat: Simulated answer" in team.run("up")
    assert "5 files, " in team.run("check")

    subprocess.run(["git", "init", "-q"], cwd=team.folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=team.folder, check=True)
    staged = subprocess.run(["git", "ls-files"], cwd=team.folder, check=True, capture_output=True, text=True).stdout
    assert len(staged.splitlines()) == 24 and ".bandplan/" not in staged

    team.edit("models.yaml", "throughput: auto", "throughput: {bands: {min: 1, max: 4}}")
    below = team.folder / "policies" / "own"
    preview = team.installed.run("preview", "--json", "--save-plan", "plan.json", folder=below)
    assert json.loads(preview)["changeSummary"]["update"] > 0
    (team.folder / "preview.json").write_text(preview)
    report = team.run("report", "--stack", "local=preview.json")
    assert "980 to 3,920" in report and "over-provisioned" in report
    (below / "plan.json").rename(team.folder / "plan.json")
    assert "980 to 3,920" in team.run("up", "--plan", "plan.json", "--yes", "--no-query")
    assert "no drift" in team.run("drift").lower()
    said = team.installed.run("stack", "new", "staging=https://staging.example.com", folder=below)
    assert "order of deployment: dev, staging, prod" in said
    assert "check: passed" in team.run("check", "--stack", "staging")


def test_a_team_on_gitlab_adds_a_rule_of_its_own(team: Team) -> None:
    models = ("--model", "search=system.ai.gte_large_en_v1_5", "--model", "agent=system.ai.gpt-oss-20b")
    team.init(*STACKS, "--ci", "gitlab", "--cloud", "azure", "--team", "search & ads", *models, "--yes")
    assert (team.folder / ".gitlab-ci.yml").is_file() and not (team.folder / ".github").exists()
    said = team.run("check")
    assert "workflows: 1 file, " in said and "ran 3 tests, all passed" in said
    team.edit("policies/own/floor_too_high.py", '"default": 4', '"default": 0')
    team.run("up", "--no-query")
    said = team.run("check", status=1)
    assert "search" in said and "the floor in bands is 1, and at most 0 is allowed" in said
    assert "check: failed: stack prod, tests in policies/own/" in said
    team.edit("policies/own/floor_too_high.py", "def check(", "def chekc(")
    said = team.run("preview", status=2)
    assert re.search(r"policies/own/floor_too_high.py:\d+: cannot be imported: NameError", said)


def test_a_team_adopts_what_its_workspace_has(team: Team, tmp_path: Path, installed: Installation) -> None:
    """Another project has made the endpoints; this one takes them over without changing them."""
    team.init("--yes")
    team.run("up", "--no-query")
    environ = {**team.workspace, "BANDPLAN_ENGINE": "embedded"}
    host = environ.pop("DATABRICKS_HOST")
    other = Team(tmp_path / "taken-over", installed)
    said = other.init("--stack", f"dev={host}", "--ci", "none", "--from-workspace", "--yes", **environ)
    assert "taken over: support-chat" in said and "the next preview is empty" in said
    assert "name: support-chat" in (other.folder / "models.yaml").read_text()
    assert "check: passed" in other.run("check")
    preview = json.loads(other.run("preview", "--stack", "dev", "--json", **environ))
    assert set(preview["changeSummary"]) == {"same"}
    # From within one project, -C works on another with this installation.
    assert "1 endpoint, 0 errors" in other.run("-C", str(team.folder), "validate")
    said = other.run(
        "preview", "--stack", "dev", status=2, **{**environ, "DATABRICKS_HOST": "https://other.example.com"}
    )
    assert f"stacks/Pulumi.dev.yaml names the workspace {host}" in said


def test_a_team_that_deploys_with_pulumi_adopts_the_entries_first(
    team: Team, tmp_path: Path, installed: Installation
) -> None:
    """The stack does not exist yet, and perhaps only CI may write its state."""
    team.init("--yes")
    team.run("up", "--no-query")
    environ = team.workspace
    other = Team(tmp_path / "entries", installed)
    stack = f"dev={environ['DATABRICKS_HOST']}"
    said = other.init("--stack", stack, "--ci", "none", "--from-workspace", "--yes", **environ)
    assert "`bandplan adopt --all --write --stack dev` adds them to the state" in said
    assert "name: support-chat" in (other.folder / "models.yaml").read_text()
    assert not (other.folder / ".bandplan" / "state").exists()
    wrong = {**environ, "DATABRICKS_TOKEN": "not-the-token"}
    failed = Team(tmp_path / "refused", installed)
    said = installed.run(
        "init", "refused", "--stack", stack, "--from-workspace", "--yes", folder=tmp_path, status=1, **wrong
    )
    assert "nothing was taken over; run `cd refused && bandplan adopt --all --stack dev" in said
    assert (failed.folder / "models.yaml").is_file() and "not-the-token" not in said


def test_nothing_is_overwritten_and_every_wrong_answer_is_told(team: Team) -> None:
    wrong = (
        "--cloud",
        "ibm",
        "--ci",
        "jenkins",
        "--stack",
        "local",
        "--stack",
        "a=b",
        "--model",
        "x=system.ai.gtp-oss-20b",
    )
    said = team.installed.run("init", "fleet", *wrong, "--yes", folder=team.folder.parent, status=2)
    assert len(re.findall(r"^(?:error: )?--", said, re.MULTILINE)) == 5 and "gpt-oss-20b" in said
    assert not team.folder.exists()
    team.folder.mkdir()
    (team.folder / "README.md").write_text("mine")
    said = team.installed.run("init", "fleet", "--yes", folder=team.folder.parent, status=2)
    assert "README.md is there already, and nothing is overwritten" in said
    assert [path.name for path in team.folder.iterdir()] == ["README.md"]
    team.init("--yes", "--keep")
    assert (team.folder / "README.md").read_text() == "mine"
    assert "check: passed" in team.run("check")
    again = team.installed.run("init", "--yes", "--keep", folder=team.folder, status=2)
    assert ".bandplan-init.json, Pulumi.yaml, models.yaml are there already" in again


def test_upgrade_moves_the_pin_and_keeps_the_edits(
    previous: tuple[Installation, Path], installed: Installation, tmp_path: Path
) -> None:
    before, wheels = previous
    index = {"PIP_FIND_LINKS": str(wheels), "PIP_NO_INDEX": "1"}
    team = Team(tmp_path / "fleet", before)
    team.init(*STACKS, "--yes", **index)
    assert f"bandplan=={PREVIOUS} \\" in (team.folder / "requirements.txt").read_text()
    team.edit("README.md", "## Change something", "## Change anything")
    team.edit(".gitignore", ".env/", ".env*/")
    with (team.folder / "requirements.txt").open("a") as file:
        file.write("boto3==1.40.0 --hash=sha256:00\n")
    pinned = re.search(r"^urllib3==(\S+)", (team.folder / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    team.edit("requirements.txt", f"urllib3=={pinned[1]}", "urllib3==2.0.1")
    (team.folder / "policies" / "__main__.py").rename(team.folder / "entry.py")
    (team.folder / "policies" / "__main__.py").symlink_to("../entry.py")
    (team.folder / "entry.py").chmod(0o700)
    models = (team.folder / "models.yaml").read_text()

    shown = team.run("upgrade", **index)
    assert f"bandplan {PREVIOUS} -> {VERSION}" in shown and "measured use: format 1 becomes 2" in shown
    assert f"  bandplan {PREVIOUS} -> {VERSION}" in shown
    assert ".gitignore: edited here, so it is kept; that version changes" in shown and "-.env/" in shown
    assert "README.md: edited here; the change fits beside your edits" in shown
    assert "+LLM serving endpoints on" in shown and "-# as it was" in shown
    assert "nothing was written; add --write" in shown
    assert f"urllib3 stays at 2.0.1, as you pinned it; that version has {pinned[1]}" in shown
    assert f"bandplan=={PREVIOUS} \\" in (team.folder / "requirements.txt").read_text()

    team.run("upgrade", "--to", VERSION, "--write", **index)
    requirements = (team.folder / "requirements.txt").read_text()
    assert f"bandplan=={VERSION} \\\n    --hash=sha256:" in requirements and "\nboto3==1.40.0" in requirements
    assert "\nurllib3==2.0.1 \\\n" in requirements and (team.folder / "policies" / "__main__.py").is_symlink()
    assert (team.folder / "entry.py").stat().st_mode & 0o777 == 0o700
    assert ".env*/" in (team.folder / ".gitignore").read_text()
    assert "as it was" not in (team.folder / "policies/__main__.py").read_text()
    readme = (team.folder / "README.md").read_text()
    assert "## Change anything" in readme and "LLM serving endpoints on" in readme
    assert (team.folder / "models.yaml").read_text() == models

    now = Team(team.folder, installed)
    assert "check: passed" in now.run("check")
    shown = now.run("upgrade", "--register", **index)
    assert f"bandplan {VERSION} -> {VERSION}" in shown and re.search(r"mlflow \(none\) -> \d", shown)
    again = now.run("upgrade", **index)
    assert "boto3" not in again and "README.md" not in again, again
    assert "urllib3 stays at 2.0.1" in again, again
    # What was refused is shown until the team has it, with the diff from the version that it is from.
    assert ".gitignore: edited here, so it is kept; that version changes" in again and "-.env/" in again, again
    team.edit(".gitignore", ".env*/\n", "")
    assert "nothing to change" in now.run("upgrade", **index)
