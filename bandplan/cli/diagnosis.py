"""What `bandplan doctor` finds out: each fact with its level, and a step unless all is well."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Literal

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import LOCAL, Project
from bandplan.counted import counted

if TYPE_CHECKING:
    from bandplan.cli.stack_choice import StackChoice

Level = Literal["ok", "warning", "error"]

PULUMI_SECONDS = 15.0
"""How long `pulumi version` may take; it needs a tenth of that."""

WORKSPACE_SECONDS = 20.0
"""How long all workspaces together may take; a choice: a call that is sent ends within 10 s."""


@dataclass(frozen=True)
class Finding:
    """One fact: `level` says how bad it is, `step` what to do about it."""

    level: Level
    subject: str
    finding: str
    step: str = ""


def installation(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield this installation, the `pulumi` CLI with its plugin, the extra for `register:`, and warm processes."""
    from bandplan.cli.engines.choice import find_pulumi
    from bandplan.cli.main import installed_version

    yield Finding("ok", "bandplan", f"{installed_version()} ({Path(__file__).resolve().parents[1]})")
    yield Finding("ok", "python", f"{platform.python_version()} ({sys.executable})")
    pulumi = find_pulumi(environ)
    if pulumi is None:
        step = f"install it to deploy to real workspaces; the stack {LOCAL} needs none"
        yield Finding("warning", "pulumi CLI", "not on PATH", step)
    else:
        yield pulumi_version(pulumi)
        yield plugin(environ)
    if find_spec("mlflow") and find_spec("transformers"):
        yield Finding("ok", "register", "mlflow and transformers are installed")
    else:
        step = "entries with `register:` need `pip install 'bandplan[register]'`"
        yield Finding("ok", "register", f"not installed; {step}")
    yield from warm_processes(environ)


def pulumi_version(pulumi: str) -> Finding:
    """Ask the CLI for its version, under a limit."""
    try:
        ran = subprocess.run(
            [pulumi, "version"],
            capture_output=True,
            text=True,
            timeout=PULUMI_SECONDS,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        is_silent = isinstance(error, subprocess.TimeoutExpired)
        reason = f"does not answer within {PULUMI_SECONDS:g} s" if is_silent else str(error)
        return Finding("error", "pulumi CLI", f"{pulumi}: {reason}", "install the CLI again")
    if ran.returncode != 0:
        return Finding("error", "pulumi CLI", f"{pulumi}: ends with status {ran.returncode}", "install the CLI again")
    return Finding("ok", "pulumi CLI", f"{ran.stdout.strip()} ({pulumi})")


def plugin(environ: Mapping[str, str]) -> Finding:
    """Whether Pulumi has the published plugin of the version in use."""
    from importlib.metadata import version

    from bandplan.cli.engines.published_plugin import PACKAGE, is_installed, on_path

    release = version(PACKAGE)
    if found := on_path(environ):
        return Finding("ok", "plugin", f"{found}, which is on PATH and has to be databricks {release}")
    if is_installed(release, environ):
        return Finding("ok", "plugin", f"databricks {release} is installed")
    return Finding("warning", "plugin", f"databricks {release} is not installed", "run `bandplan install-plugin`")


def warm_processes(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield whether commands may run in a warm process, and each one of this installation that runs."""
    from bandplan.cli.warm.ask import processes
    from bandplan.cli.warm.switch import package_root, why_off

    subject = "warm process"
    try:
        found = list(processes(environ))
    except OSError as error:
        yield Finding("warning", subject, f"not used: {error.strerror or error}", "remove it, or set BANDPLAN_WARM=0")
        return
    for one in found:
        if one.about is None:
            yield Finding("warning", subject, f"{one} ({one.path})", "run `bandplan warm stop`")
    running = [one for one in found if one.about is not None and one.about.root == package_root()]
    for one in running:
        yield Finding("ok", subject, f"{one} ({one.path})")
    off = why_off(environ)
    if off:
        yield Finding("ok", subject, f"not used by this command: {off}")
    elif not running:
        yield Finding("ok", subject, "not running; the next command in a terminal uses the one that this one starts")


def of_project(project: Project, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the project's file, folder and local stack."""
    from bandplan.cli.stack_choice import StackChoice

    try:
        yield Finding("ok", "project", f"{project.name} ({project.root})")
    except CommandError as error:
        yield Finding("error", "project", str(error))
        return
    yield models_file(StackChoice(project, LOCAL, environ))
    yield folder(project)
    yield local_workspace(project)
    yield from local_state(project)


def models_file(choice: "StackChoice") -> Finding:
    """Whether the models file of the local stack can be deployed, as far as it says alone."""
    from bandplan.serving.spec.loading import load

    try:
        models, name = choice.models, choice.models_name
    except CommandError as error:
        return Finding("error", "models", str(error))
    loaded = load(models, LOCAL)
    errors = sum(problem.severity == "error" for problem in loaded.problems)
    if errors:
        return Finding("error", "models", f"{name}: {counted(errors, 'error')}", "run `bandplan validate`")
    count = len(loaded.fleet.models) if loaded.fleet else 0
    return Finding("ok", "models", f"{name}: {counted(count, 'endpoint')}")


def folder(project: Project) -> Finding:
    """Whether `.bandplan/`, or the folder that it would be made in, can be written."""
    place = project.own_folder if project.own_folder.exists() else project.root
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return Finding("ok", "folder", f"{place} can be written")
    return Finding("error", "folder", f"{place} cannot be written", "make it a folder that you may write")


def local_workspace(project: Project) -> Finding:
    from bandplan.cli.local_workspace import RESTART
    from bandplan.stub.process import holding_process, status

    running = status(project.stub_folder)
    if running is None:
        silent = holding_process(project.stub_folder)
        if silent is not None:
            return Finding(
                "error", "local workspace", f"process {silent} does not answer, or refuses its token", RESTART
            )
        return Finding("ok", "local workspace", "not running; `bandplan up` starts it")
    return Finding("ok", "local workspace", f"{running.host} (process {running.pid})")


def local_state(project: Project) -> Iterator[Finding]:
    """Yield whether the local stack's state can be read, and who holds its lock."""
    from bandplan.cli.engines.checkpoint import read_checkpoint, stack_names
    from bandplan.embedded.checkpoint import StackFile
    from bandplan.embedded.errors import EngineError
    from bandplan.embedded.lock import held

    if LOCAL not in stack_names(project.state_folder, project.name):
        yield Finding("ok", "state", f"stack {LOCAL} was never deployed")
        return
    try:
        latest = read_checkpoint(project.state_folder, project.name, LOCAL).get("latest") or {}
        locks = held(StackFile(project.state_folder, project.name, LOCAL))
    except (CommandError, EngineError) as error:
        yield Finding("error", "state", str(error))
        return
    yield Finding("ok", "state", f"stack {LOCAL}: {len(latest.get('resources') or []):,} resources")
    for lock in locks:
        yield lock_finding(lock)


def lock_finding(lock: Path) -> Finding:
    """Say who holds the lock; a lock left by a dead process does not count."""
    from bandplan.embedded.holder import read_holder

    try:
        holder = read_holder(lock.read_bytes())
    except OSError as error:
        return Finding("error", "lock", f"{lock}: {error.strerror}", "make the file readable")
    if holder is None:
        step = "remove that file if no update of the stack is running"
        return Finding("error", "lock", f"{lock} does not name its holder", step)
    who = f"{holder.username}@{holder.hostname} (process {holder.pid}) since {holder.timestamp}"
    if holder.is_gone:
        return Finding("ok", "lock", f"left by {who}, which has ended; the next deployment removes it")
    step = f"wait for it to finish, or remove {lock} if that process no longer exists"
    return Finding("warning", "lock", f"stack {LOCAL} is being updated by {who}", step)


@dataclass(frozen=True)
class Login:
    """A login to try: `environ` returns the variables of its workspace, `level` is how bad it is if it fails.

    Errors of `environ`: CommandError, WorkspaceError.
    """

    environ: Callable[[], Mapping[str, str]]
    level: Level


def stack_logins(
    project: Project, stacks: Sequence[str], environ: Mapping[str, str], *, must_answer: bool
) -> dict[str, Login]:
    """Return the logins to the stacks' workspaces; the local one has none.

    Unless they `must_answer`, a stack whose file contradicts `--profile` is asked with its own login.
    """
    from bandplan.cli.stack_choice import StackChoice
    from bandplan.serving.workspace.login_choice import NAMED

    def environ_of(stack: str) -> Mapping[str, str]:
        try:
            return StackChoice(project, stack, environ).environ()
        except UsageProblem:
            if must_answer or NAMED not in environ:
                raise
            own = {name: text for name, text in environ.items() if name != NAMED}
            return StackChoice(project, stack, own).environ()

    level: Level = "error" if must_answer else "warning"
    return {f"stack {stack}": Login(partial(environ_of, stack), level) for stack in stacks if stack != LOCAL}


def profile_login(profile: str | None, environ: Mapping[str, str]) -> dict[str, Login]:
    """Return the login of `--profile` by itself, to the workspace that the profile names; empty without one."""
    from bandplan.serving.workspace.login_choice import StackLogin, login_environment

    if profile is None:
        return {}
    return {f"profile {profile}": Login(lambda: login_environment(environ, StackLogin("")), "error")}


def of_logins(logins: Mapping[str, Login]) -> Iterator[Finding]:
    """Ask all workspaces at once who is logged in; yield in their order, all within WORKSPACE_SECONDS.

    The client has limits of its own, but looking up a name or asking another program for a token has none.
    """
    found: dict[str, Finding] = {}

    def ask(subject: str, login: Login) -> None:
        found[subject] = logged_in(subject, login)

    # Not a pool: Python waits for the threads of a pool before it ends.
    threads = {one[0]: Thread(target=ask, args=one, daemon=True) for one in logins.items()}
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + WORKSPACE_SECONDS
    for subject, thread in threads.items():
        thread.join(max(deadline - time.monotonic(), 0))
        step = "check its host, the network and the login: `bandplan docs login`"
        silent = Finding(logins[subject].level, subject, f"no answer within {WORKSPACE_SECONDS:g} s", step)
        yield found.get(subject, silent)


def logged_in(subject: str, login: Login) -> Finding:
    """Whether the workspace answers, and to whom."""
    from bandplan.serving.workspace.client import from_environment
    from bandplan.serving.workspace.errors import WorkspaceError
    from bandplan.serving.workspace.identity import PROFILE

    try:
        environ = login.environ()
        client = from_environment(environ)
        user, profile = client.ping(), environ.get(PROFILE)
        way = f"{client.auth_type()}, profile {profile}" if profile else client.auth_type()
        return Finding("ok", subject, f"{user} at {client.host} by {way}")
    except (CommandError, WorkspaceError) as error:
        return Finding(login.level, subject, str(error))
