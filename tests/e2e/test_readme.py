"""What README.md tells a reader to do, done."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bandplan.cli.main import main
from tests.e2e.conftest import ROOT, SAMPLE, SMALL, FleetProject

README = (ROOT / "README.md").read_text()
WORKFLOWS = ROOT / ".github" / "workflows"


def section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.fixture
def shell(fleet: FleetProject, tmp_path: Path, engine: str) -> str:
    """A script's beginning: the project's folder, and `bandplan` on PATH."""
    fleet.use_policies()
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "bandplan").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bandplan.cli.main "$@"\n')
    (tools / "bandplan").chmod(0o755)
    return f'cd {shlex.quote(str(fleet.root))}\nPATH="{tools}:$PATH"\nexport BANDPLAN_ENGINE={engine}\n'


def run(fleet: FleetProject, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-e", "-c", script], env=fleet.environment(), capture_output=True, text=True)


def test_the_five_commands_run_on_a_laptop_as_they_stand(fleet: FleetProject, shell: str) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", section("On a pull request"), re.DOTALL)
    fleet.write_models(SMALL.replace("task:", "tags: {team: a}\n    task:"))
    done = run(fleet, shell + block)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "**<code>local</code>** changes 3 of 3 endpoints" in done.stdout
    assert "the plan made " in done.stdout
    assert "no drift" in done.stdout
    assert fleet.endpoint_names() == {"support-chat", "maverick-chat", "passage-embeddings"}


def test_the_five_commands_are_those_of_the_workflows() -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", section("On a pull request"), re.DOTALL)
    five = re.findall(r"^bandplan (\S+)", block, re.MULTILINE)
    assert len(five) == 5
    run_by = {
        name: [
            found[1]
            for job in yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text())["jobs"].values()
            for step in job["steps"]
            if (found := re.match(r"\.venv/bin/bandplan (\S+)", step.get("run", "")))
        ]
        for name in ("preview", "deploy", "drift")
    }
    assert five[:3] == list(dict.fromkeys(run_by["preview"]))[:3]
    assert five[3] in run_by["deploy"] and five[4] in run_by["drift"]


def test_the_band_of_change_a_band_is_advice_here_and_a_stop_on_prod(
    fleet: FleetProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = section("Change a band")
    entry, throughput = re.findall(r"give `([\w-]+)` one more chunk: `(throughput: [^`]+)`", steps)[0]
    (told,) = re.findall(r"as `\.venv/bin/bandplan (policy [^`]+)`", steps)
    fleet.use_policies()
    (fleet.root / "base.yaml").write_text(SAMPLE.read_text())
    fleet.write_models(SAMPLE.read_text())
    monkeypatch.chdir(fleet.root)

    def bandplan(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        return main(arguments), capsys.readouterr().out

    assert bandplan(*told.split())[0] == 0
    fleet.edit(*changed(fleet.models, entry, throughput))
    assert bandplan("validate", "--offline")[0] == 0
    found = rf"over-provisioned  \(bandplan:index:Endpoint: {entry}\)"
    status, said = bandplan(*told.split())
    assert (status, len(re.findall(rf"\[mandatory\]  {found}", said))) == (1, 1)
    for stack, level, expected in (("local", "advisory", 0), ("prod", "mandatory", 1)):
        status, said = bandplan("preview", "--stack", stack, "--offline", "--against", "base.yaml")
        assert (status, len(re.findall(rf"\[{level}\]  {found}", said))) == (expected, 1), said


def changed(models: str, entry: str, throughput: str) -> tuple[str, str]:
    """The text to replace in the sample, and what README puts in its place: one chunk more, and nothing else."""
    whole = models[models.index(f"  - name: {entry}\n") :].split("\n\n")[0]
    (before,) = re.findall(r"throughput: .*", whole)
    least, most = (int(bound) for bound in re.findall(r"\d+", before))
    assert [least, most + 1] == [int(bound) for bound in re.findall(r"\d+", throughput)]
    return whole, whole.replace(before, throughput)
