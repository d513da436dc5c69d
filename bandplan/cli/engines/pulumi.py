"""The `pulumi` CLI as an engine: a child process on this terminal, with Pulumi's own display.

The local stack gets its own backend, plugins and empty passphrase, so that it needs no account and asks nothing. Every
other stack runs in the user's environment, unchanged: their backend, their login, their workspace.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, ClassVar

from bandplan.cli.engines.checkpoint import stacks_folder
from bandplan.cli.engines.child import run_child, run_quietly
from bandplan.cli.engines.completed_document import completed_document
from bandplan.cli.engines.databricks_plugin import is_published_wanted
from bandplan.cli.engines.engine import Agree, Options, Result
from bandplan.cli.engines.events import Events, read_events
from bandplan.cli.engines.exported import deployment_of
from bandplan.cli.engines.plugin_executable import write_plugin_executable
from bandplan.cli.errors import CommandError
from bandplan.cli.policies import JUDGED, keep_baseline, pulumi_arguments
from bandplan.cli.progress import doing
from bandplan.cli.project import LOCAL, Project

_LEFT_OUT = ("PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_STACK", "PULUMI_ACCESS_TOKEN")


@dataclass(frozen=True)
class PulumiEngine:
    """An engine that runs `executable` for one stack with `environ`, which already names the workspace."""

    executable: str
    project: Project
    stack: str
    environ: Mapping[str, str]
    name: ClassVar[str] = "pulumi"

    def preview(self, options: Options) -> Result:
        self._require_plugin()
        # Outputs repeat the changes at length; --diff shows everything.
        shown = ["--json"] if options.json else [] if options.diff else ["--suppress-outputs"]
        arguments = ["preview", *shown, *flags(options), *self._policies()]
        if options.json:
            return self._preview_document(arguments, options)
        return self._report(arguments, options.document)[0]

    def up(self, options: Options, agree: Agree | None = None) -> Result:
        """Run Pulumi's own preview, question and update; for the local stack, see `_up_local`."""
        self._require_plugin()
        if agree is not None:
            return self._up_agreed(options, agree)
        if self.stack == LOCAL:
            return self._up_local(options)
        arguments = ["up", "--suppress-outputs", *flags(options), *self._policies(), *yes(options)]
        result, events = self._report(arguments, options.document)
        return replace(result, is_applied=events.is_update and not events.is_unchanged)

    def _up_agreed(self, options: Options, agree: Agree) -> Result:
        """Preview and save Pulumi's own plan, then update under that plan, which Pulumi enforces.

        That plan contains the values themselves and never leaves this machine.
        """
        shown = ["--suppress-outputs", *flags(options), *self._policies()]
        self.project.make_private(self.project.own_folder)
        with tempfile.TemporaryDirectory(dir=self.project.own_folder, prefix="plan-") as folder:
            plan = str(Path(folder) / "plan.json")
            result, events = self._report(["preview", "--save-plan", plan, *shown], is_kept=True)
            if not result.ok:
                return result
            agree(result.document or {})
            if events.is_unchanged and not options.refresh:
                return replace(result, outputs=events.outputs)
            done = self._report(["up", "--yes", "--skip-preview", "--plan", plan, *shown], options.document)[0]
            return replace(done, is_applied=True)

    def _up_local(self, options: Options) -> Result:
        """Preview, then update unless the preview found no changes, which saves a run of the program.

        Outputs are not shown here: the command prints them as a table.
        """
        shown = ["--suppress-outputs", *flags(options), *self._policies()]
        result, events = self._report(["preview", *shown], options.document)
        if not result.ok or (events.is_unchanged and not options.refresh):
            return result
        done = self._report(["up", "--yes", "--skip-preview", *shown], options.document)[0]
        return replace(done, is_applied=True)

    def refresh(self, options: Options) -> Result:
        self._require_plugin()
        with self._running(["refresh", *flags(options), *yes(options)]) as (ok, _):
            return Result(ok)

    def destroy(self, options: Options) -> Result:
        self._require_plugin()
        with self._running(["destroy", *flags(options), *yes(options)]) as (ok, _):
            return Result(ok)

    def list_stacks(self) -> Result:
        return self._started([self.executable, "stack", "ls"])

    def stacks(self) -> list[dict[str, Any]]:
        ran = run_quietly([self.executable, "stack", "ls", "--json"], self.project.root, self._prepared())
        try:
            found = json.loads(ran.stdout) if ran.returncode == 0 else None
        except ValueError:
            found = None
        if not isinstance(found, list):
            raise CommandError(f"pulumi stack ls: {ran.stderr.strip() or 'its answer is not JSON'}")
        return [{name: one.get(name) for name in ("name", "lastUpdate", "resourceCount")} for one in found]

    def export(self) -> Result:
        return self._started([self.executable, "stack", "export", "--stack", self.stack])

    def state(self) -> Mapping[str, Any]:
        return deployment_of(self.project, self.stack, "pulumi", self._prepared(), self.executable)

    def _require_plugin(self) -> None:
        """Install the published plugin if this run needs it and Pulumi lacks it. Errors: CommandError."""
        if self.stack != LOCAL or is_published_wanted(self.environ):
            from bandplan.cli.engines.published_plugin import require_plugin

            require_plugin(self.executable, self.environ, self.project.root)

    def _started(self, command: list[str]) -> Result:
        return Result(run_child(command, self.project.root, self._prepared(), umask=self._umask) == 0)

    @property
    def _umask(self) -> int:
        """The umask of the child: the local stack's state is private to its owner; other files follow the user's
        setting.
        """
        return 0o077 if self.stack == LOCAL else -1

    def _policies(self) -> list[str]:
        """Return the policy arguments; first write down what is deployed if a rule needs it."""
        keep_baseline(self.project, self.stack, self._outputs)
        return pulumi_arguments(self.project, self.stack)

    def _outputs(self) -> Mapping[str, Any]:
        """Return the stack's current outputs; empty for a stack that was never deployed."""
        command = [self.executable, "stack", "output", "--json", "--stack", self.stack]
        with doing("reading the outputs of the stack"):
            done = run_quietly(command, self.project.root, self._prepared())
        outputs: Mapping[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return outputs

    def _preview_document(self, arguments: list[str], options: Options) -> Result:
        """Print Pulumi's own document with what only the event log contains."""
        with tempfile.TemporaryFile() as output:
            result, events = self._report(arguments, options.document, output)
            output.seek(0)
            text = output.read().decode()
        if not text.lstrip().startswith("{"):
            from bandplan.cli.engines.event_document import document_of_refusal

            finding = "pulumi printed no document; its messages are on standard error"
            text = json.dumps(document_of_refusal(finding)) + "\n"
        print(completed_document(text, events), end="")
        return result

    def _report(
        self, arguments: list[str], is_kept: bool = False, output: IO[bytes] | None = None
    ) -> tuple[Result, Events]:
        """Run Pulumi and read what happened from its event log.

        `is_kept`: also return it as a document. `output` receives the child's standard output.
        """
        with self._running(arguments, output) as (ok, log):
            events = events_of(log)
            document = document_of(log) if is_kept else None
        if not ok and output is None and JUDGED not in events.types:
            # Pulumi shows a pack that judged nothing like one that found nothing.
            print("Policies: nothing was judged because the run failed before it declared an endpoint", flush=True)
        return Result(ok, events.outputs if ok else {}, document), events

    @contextmanager
    def _running(self, arguments: list[str], output: IO[bytes] | None = None) -> Iterator[tuple[bool, Path]]:
        """Run Pulumi with an event log, which needs a debugging variable; yield (whether it succeeded, the log)."""
        log = self.project.own_folder / f"events-{os.getpid()}.jsonl"
        environ = {**self._prepared(), "PULUMI_DEBUG_COMMANDS": "true"}
        self.project.make_private(self.project.own_folder)
        command = [self.executable, *arguments, "--stack", self.stack, "--event-log", str(log)]
        try:
            # Pulumi writes its first event when it begins to draw, seconds after its start.
            status = run_child(command, self.project.root, environ, output, self._umask, None, lambda: is_begun(log))
            yield status == 0, log
        finally:
            log.unlink(missing_ok=True)

    def _prepared(self) -> dict[str, str]:
        """Return the child's environment; for the local stack, first create the backend, the plugin and the stack."""
        environ = with_this_python(self.environ)
        if self.stack != LOCAL:
            return environ
        python_root = Path(__file__).resolve().parents[3]
        if not is_published_wanted(environ):
            write_plugin_executable(self.project.plugins_folder, sys.executable, python_root)
        self.project.make_private(self.project.state_folder)
        take_over_killed_update(self.project, environ)
        environ = local_pulumi_environment(environ, self.project)
        checkpoint = self.project.state_folder / ".pulumi" / "stacks" / self.project.name / f"{LOCAL}.json"
        if not checkpoint.is_file():
            # Not `stack select --create`: it would also change the stack selected for the user's `pulumi` commands.
            run_child(
                [self.executable, "stack", "init", LOCAL, "--no-select", "--non-interactive"],
                self.project.root,
                environ,
                umask=self._umask,
            )
        return environ


def with_this_python(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` in which `python3` is the Python of this environment, where bandplan is installed.

    A project whose Pulumi.yaml names no `virtualenv` starts its program, its provider and its policies with it, also if
    nobody activated the environment.
    """
    here = str(Path(sys.executable).parent)
    paths = environ.get("PATH", "").split(os.pathsep)
    if sys.prefix == sys.base_prefix or paths[0] == here:
        return dict(environ)
    return {**environ, "PATH": os.pathsep.join([here, *filter(None, paths)])}


def take_over_killed_update(project: Project, environ: Mapping[str, str]) -> None:
    """Add what a killed update of either engine did to the local stack's checkpoint.

    The CLI does not read the embedded engine's journal. It does record what was under way, but clears that only after
    asking, and an endpoint whose creation was interrupted then conflicts with the one that it creates. It also does not
    check whether the process that holds a lock is alive.
    """
    backend = project.state_folder / ".pulumi"
    journal = backend / "journals" / project.name / f"{LOCAL}.jsonl"
    locks = backend / "locks" / "organization" / project.name / LOCAL
    is_under_way = _has_something_under_way(stacks_folder(project.state_folder, project.name))
    if journal.is_file() or is_under_way or any(locks.glob("*.json")):
        from bandplan.cli.engines.embedded import environment, id_of, outputs_of_finished, providers, translated_errors
        from bandplan.embedded.run import Engine, Hooks

        def ignore(_event: object) -> None:
            """Ignore the messages: the following run shows what was recovered."""

        with translated_errors(), environment(environ):
            engine = Engine(
                project.root,
                LOCAL,
                project.state_folder,
                providers(ignore),
                ignore,
                hooks=Hooks(id_of, keep_outputs=outputs_of_finished),
            )
            engine.recover()


def _has_something_under_way(stacks: Path) -> bool:
    try:
        return b'"pending_operations"' in (stacks / f"{LOCAL}.json").read_bytes()
    except OSError:
        return False


def local_pulumi_environment(environ: Mapping[str, str], project: Project) -> dict[str, str]:
    """Return `environ` with the project's own backend, an empty passphrase, and the stub provider first on PATH.

    If the published provider is wanted, the stub provider is not on PATH, and the CLI finds the published one itself.
    """
    kept = {name: value for name, value in environ.items() if name not in _LEFT_OUT}
    plugins = [] if is_published_wanted(environ) else [str(project.plugins_folder)]
    return {
        **kept,
        "PATH": os.pathsep.join(filter(None, [*plugins, kept.get("PATH", "")])),
        "PULUMI_BACKEND_URL": project.state_folder.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # There is nothing to install: the plugins are this project's. Asking pip what the program needs takes a second.
        "PULUMI_OPTION_SKIP_PLUGIN_PRE_INSTALL": "true",
    }


def flags(options: Options) -> list[str]:
    """Return the arguments shared by preview, up, refresh and destroy."""
    return [
        *(["--refresh"] if options.refresh else []),
        *(["--diff"] if options.diff else []),
        *([f"--parallel={options.parallel}"] if options.parallel else []),
    ]


def yes(options: Options) -> list[str]:
    return [] if options.ask else ["--yes"]


def is_begun(log: Path) -> bool:
    try:
        return log.stat().st_size > 0
    except OSError:
        return False


def events_of(log: Path) -> Events:
    if not log.is_file():
        return Events()
    with log.open(encoding="utf-8") as lines:
        return read_events(lines)


def document_of(log: Path) -> dict[str, Any]:
    from bandplan.cli.engines.event_document import event_document

    if not log.is_file():
        return {}
    with log.open(encoding="utf-8") as lines:
        return event_document(lines)
