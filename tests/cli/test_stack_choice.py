"""Which stack, which models file, which workspace: one answer, whatever the command."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.cli import local_workspace
from bandplan.cli.errors import UsageProblem
from bandplan.cli.main import COMMANDS, main
from bandplan.cli.project import Project
from bandplan.cli.stack_choice import choose_stack, others_of_file
from bandplan.cli.stack_configuration import configured_models
from bandplan.stub.process import Running
from tests.checkpoints import write_llama
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply, Seen

ROOT = Path(__file__).parent.parent.parent
EMBEDDED = ("--engine", "embedded")

READS_MODELS = {
    "up": ("up", *EMBEDDED, "--yes"),
    "preview": ("preview", *EMBEDDED),
    "preview offline": ("preview", "--offline", "--against", "base.yaml"),
    "drift": ("drift", *EMBEDDED),
    "rollback": ("rollback", "chat", *EMBEDDED),
    "adopt": ("adopt", *EMBEDDED),
    "migrate": ("migrate",),
    "validate": ("validate",),
    "validate offline": ("validate", "--offline"),
    "check": ("check",),
    "policy test": ("policy", "test"),
    "size": ("size", "chat"),
    "info": ("info", "chat"),
    "observe": ("observe",),
    "rightsize": ("rightsize",),
}
"""Commands that read the models file, each up to its `--stack`."""

ASK_NOBODY = ("check", "policy", "rollback", "size", "info", "observe", "rightsize")
"""Commands that find the error of the file before they contact a workspace, if they do at all."""

NAMES_A_STACK = {
    "refresh": ("refresh", *EMBEDDED, "--yes"),
    "destroy": ("destroy", *EMBEDDED, "--yes"),
    "stack": ("stack", "export", *EMBEDDED),
    "fetch-plan": ("fetch-plan", "plan.json"),
    "log-model": ("log-model", "llama", "--task", "llm/v1/chat", "--register", "--name", "a.b.c"),
    "real-scale": ("real-scale", "chat"),
    "auth": ("auth",),
    "query": ("query", "chat", "hello"),
    "logs": ("logs", "chat"),
    "open": ("open", "--print"),
    "bench": ("bench", "chat"),
}
"""Commands that take `--stack` and read no models file."""

NAMES_NONE = {
    "completion",
    "docs",
    "doctor",
    "warm",
    "drift-issue",
    "explain",
    "init",
    "install-plugin",
    "report",
    "schema",
    "stub",
    "upgrade",
    "version",
}
"""`report` takes `--stack NAME=FILE`, a name for a preview that was made elsewhere."""


def models(name: str) -> str:
    """A file that every command refuses, and names."""
    return (
        "version: 1\nmodels:\n"
        f"  - {{name: {name}, task: llm/v1/chat, model: system.ai.llama_v3_3_70b_instruct, version: '1',"
        " throughput: {bands: {min: 3, max: 2}}}\n"
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stacks dev, local and team-a; the last has a file of its own. Each file has an error that names its place."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path / "Pulumi.yaml")
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    (tmp_path / "stacks").mkdir()
    shutil.copy(ROOT / "stacks" / "__main__.py", tmp_path / "stacks")
    for stack, config in (("dev", "{}"), ("local", "{bandplan:models: models.yaml}")):
        (tmp_path / "stacks" / f"Pulumi.{stack}.yaml").write_text(f"config: {config}\n")
    (tmp_path / "stacks" / "Pulumi.team-a.yaml").write_text("config:\n  bandplan:models: teams/a.yaml\n")
    (tmp_path / "teams").mkdir()
    for name in ("models.yaml", "teams/a.yaml", "teams/b.yaml", "base.yaml"):
        (tmp_path / name).write_text(models(name.split("/")[-1].removesuffix(".yaml")))
    (tmp_path / "base.yaml").write_text("version: 1\nmodels: []\n")
    write_llama(tmp_path / "llama")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BANDPLAN_MODELS", raising=False)
    return tmp_path


class Workspaces:
    """That of the environment, and that of this machine."""

    def __init__(self) -> None:
        self.ours, self.local = FakeWorkspace(), FakeWorkspace()
        for one in (self.ours, self.local):
            one.answer = answer


def answer(seen: Seen) -> Reply:
    return Reply(body={"userName": "ann@example.com"} if seen.path.endswith("/Me") else {})


@pytest.fixture
def workspaces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspaces]:
    found = Workspaces()
    monkeypatch.setenv("DATABRICKS_HOST", found.ours.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    running = Running(0, found.local.host, TOKEN, Path())
    monkeypatch.setattr(local_workspace, "running_stub", lambda project: running)
    monkeypatch.setattr(local_workspace, "status", lambda folder: running)
    yield found
    found.ours.close()
    found.local.close()


def told(capsys: pytest.CaptureFixture[str]) -> str:
    shown = capsys.readouterr()
    return shown.out + shown.err


def test_rollback_that_only_looks_starts_no_local_workspace(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name for path in project.iterdir()}
    assert main(["rollback", "chat", *EMBEDDED]) == 1
    assert "the local workspace is not running; start it with `bandplan stub start` or" in told(capsys)
    assert {path.name for path in project.iterdir()} == before


def test_every_command_is_in_a_table() -> None:
    in_tables = {arguments[0] for arguments in (*READS_MODELS.values(), *NAMES_A_STACK.values())}
    assert in_tables | NAMES_NONE == set(COMMANDS)


@pytest.mark.parametrize("command", READS_MODELS.values(), ids=READS_MODELS.keys())
@pytest.mark.parametrize(
    ("stack", "variable", "file"),
    [
        ("dev", "", "models.yaml"),
        ("team-a", "", "a.yaml"),
        ("team-a", "teams/b.yaml", "b.yaml"),
        ("local", "", "models.yaml"),
        ("local", "teams/b.yaml", "b.yaml"),
    ],
)
def test_the_stack_s_models_file_is_the_one_that_is_read(
    command: tuple[str, ...],
    stack: str,
    variable: str,
    file: str,
    project: Path,
    workspaces: Workspaces,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if variable:
        monkeypatch.setenv("BANDPLAN_MODELS", variable)
    assert main([*command, "--stack", stack]) != 0
    said = told(capsys)
    others = {"models.yaml", "a.yaml", "b.yaml"} - {file}
    assert f"{file}:" in said
    assert not [other for other in others if f"{other}:" in said], said
    asked, left_alone = (workspaces.local, workspaces.ours) if stack == "local" else (workspaces.ours, workspaces.local)
    assert not left_alone.seen
    # Those that are about one entry look for it first; the others without a request are those that contact nobody.
    asks_nobody = "--offline" in command or command[0] in ASK_NOBODY
    assert bool(asked.seen) is not asks_nobody


@pytest.mark.parametrize(
    "command",
    [*READS_MODELS.values(), *NAMES_A_STACK.values()],
    ids=[*READS_MODELS.keys(), *NAMES_A_STACK.keys()],
)
def test_a_stack_that_the_project_lacks_is_refused_with_the_one_that_was_meant(
    command: tuple[str, ...], project: Path, workspaces: Workspaces, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--stack", "tema-a"]) == 2
    said = capsys.readouterr()
    assert said.err == "error: --stack tema-a: no such stack (stacks: dev, local, team-a); did you mean team-a?\n"
    assert said.out == ""
    assert not workspaces.ours.seen and not workspaces.local.seen
    assert not (project / ".bandplan").exists()


@pytest.mark.parametrize(
    ("stack_file", "project_lines", "expected"),
    [
        ("config: {bandplan:models: a.yaml}", "", "a.yaml"),
        ("config: {models: a.yaml}", "", "a.yaml"),  # in the namespace of the project, as Pulumi reads it
        ("config: {other:models: a.yaml}", "", None),
        ("config: {}", "", None),
        ("", "", None),
        (None, "", None),
        ("config: {}", "config: {bandplan:models: {value: p.yaml}}", "p.yaml"),
        ("config: {}", "config: {bandplan:models: p.yaml}", "p.yaml"),
        ("config: {}", "config: {models: {type: string, default: p.yaml}}", "p.yaml"),
        ("config: {bandplan:models: a.yaml}", "config: {bandplan:models: {value: p.yaml}}", "a.yaml"),
    ],
)
def test_configuration_is_read_as_pulumi_reads_it(
    stack_file: str | None, project_lines: str, expected: str | None, tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.yaml").write_text(f"name: bandplan\nruntime: python\n{project_lines}\n")
    (tmp_path / "stacks").mkdir()
    if stack_file is not None:
        (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(stack_file)
    assert configured_models(Project(tmp_path), "dev") == expected


@pytest.mark.parametrize(
    ("text", "finding"),
    [("config: {bandplan:models: {secure: AAABBB}}", "is a secret"), ("config: [", "is not YAML: ")],
)
def test_configuration_that_names_no_file_is_told_with_its_place(text: str, finding: str, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(text)
    with pytest.raises(UsageProblem, match=f"stacks/Pulumi.dev.yaml(:2:1)?: .*{finding}") as raised:
        configured_models(Project(tmp_path), "dev")
    assert "AAABBB" not in str(raised.value)


def test_other_stacks_of_a_file_are_those_that_use_it_too(project: Path) -> None:
    (project / "stacks" / "Pulumi.team-a-dev.yaml").write_text("config: {bandplan:models: ./teams/a.yaml}\n")
    assert others_of_file(choose_stack(Project(project), "team-a", {})) == ("team-a-dev",)
    assert others_of_file(choose_stack(Project(project), "dev", {})) == ("local",)
    everywhere = {"BANDPLAN_MODELS": "teams/b.yaml"}
    assert others_of_file(choose_stack(Project(project), "dev", everywhere)) == ("local", "team-a", "team-a-dev")


def test_stack_of_an_organization_has_the_file_of_its_own_name(project: Path) -> None:
    choice = choose_stack(Project(project), "acme/bandplan/team-a", {})
    assert choice.models == project / "teams" / "a.yaml"
    assert choice.name == "team-a"
    with pytest.raises(UsageProblem, match="did you mean team-a"):
        choose_stack(Project(project), "acme/bandplan/team-b", {})


@pytest.mark.parametrize("stack", ["", "..", "dev/", "../../dev/x", "Dev"])
def test_what_is_no_name_of_a_stack_is_none(stack: str, project: Path) -> None:
    with pytest.raises(UsageProblem, match="no such stack"):
        choose_stack(Project(project), stack, {})


def test_overrides_make_a_stack_and_so_does_a_state_on_this_machine(project: Path) -> None:
    with (project / "models.yaml").open("a") as file:
        file.write("overrides:\n  feature-7: {models: {description: x}}\n")
    assert choose_stack(Project(project), "feature-7", {}).models == project / "models.yaml"
    state = project / ".bandplan" / "state" / ".pulumi" / "stacks" / "bandplan" / "retired.json"
    state.parent.mkdir(parents=True)
    state.write_text("{}")
    assert choose_stack(Project(project), "retired", {}).stack == "retired"


def test_project_that_lists_no_stack_may_have_any(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\n")
    assert choose_stack(Project(tmp_path), "prod", {}).models == tmp_path / "models.yaml"


def test_file_given_by_name_goes_before_the_variable(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    variables = {"BANDPLAN_MODELS": "teams/b.yaml"}
    assert choose_stack(Project(project), "team-a", variables, Path("base.yaml")).models == Path("base.yaml")
    assert choose_stack(Project(project), "team-a", variables).models == project / "teams" / "b.yaml"


def test_workspace_of_a_stack_is_the_one_in_its_file(project: Path) -> None:
    """So two stacks are two workspaces, without anybody changing variables in between."""
    for stack, host in (("dev", "https://dev.example.com/"), ("team-a", "https://a.example.com")):
        with (project / "stacks" / f"Pulumi.{stack}.yaml").open("w") as file:
            file.write(f"config: {{databricks:host: '{host}'}}\n")
    hosts = {stack: choose_stack(Project(project), stack, {"PATH": "/bin"}).environ() for stack in ("dev", "team-a")}
    assert hosts == {
        "dev": {"PATH": "/bin", "DATABRICKS_HOST": "https://dev.example.com"},
        "team-a": {"PATH": "/bin", "DATABRICKS_HOST": "https://a.example.com"},
    }


def test_two_different_workspaces_for_one_stack_are_refused(project: Path) -> None:
    """Pulumi's provider would use the file's, and we the variable's."""
    (project / "stacks" / "Pulumi.dev.yaml").write_text("config: {databricks:host: 'https://dev.example.com'}\n")
    same = choose_stack(Project(project), "dev", {"DATABRICKS_HOST": "https://dev.example.com/"})
    assert same.environ() == {"DATABRICKS_HOST": "https://dev.example.com/"}
    other = choose_stack(Project(project), "dev", {"DATABRICKS_HOST": "https://prod.example.com"})
    with pytest.raises(UsageProblem, match="unset DATABRICKS_HOST, or change the file"):
        other.environ()
