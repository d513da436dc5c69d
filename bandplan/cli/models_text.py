"""The text of a stack's models file, for commands that edit it: its plan, the diff of an edit, and writing it."""

import codecs
import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bandplan.cli.errors import CommandError
from bandplan.cli.project import Project
from bandplan.cli.stack_choice import StackChoice
from bandplan.cli.stack_fleet import WrongModels
from bandplan.serving.planning.plan import Plan, Refused, plan_stack
from bandplan.serving.planning.record import read_only_record_of
from bandplan.serving.planning.request import PlanRequest
from bandplan.serving.spec.document import read
from bandplan.serving.spec.loading import read_text
from bandplan.serving.spec.models_file import shown_file
from bandplan.serving.spec.problem import Problem
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.whole_file import ChangedMeanwhile, replace_file


@dataclass(frozen=True)
class ModelsText:
    """The text of a models file before it is edited, with its project, stack and workspace.

    `on_disk` is the text that the file had when it was read, "" if it was missing.
    """

    project: Project
    stack: str
    path: Path
    text: str
    client: WorkspaceClient
    on_disk: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the entries in the file."""
        data = read(self.text, self.path.name).data
        entries = data.get("models") if isinstance(data, dict) else None
        return tuple(
            str(one["name"])
            for one in (entries if isinstance(entries, list) else ())
            if isinstance(one, dict) and isinstance(one.get("name"), str)
        )


def open_models(choice: StackChoice, client: WorkspaceClient, *, may_be_missing: bool = False) -> ModelsText:
    """Open the stack's models file; a missing one counts as empty if it may be missing. Errors: WrongModels."""
    path = choice.models
    if may_be_missing and not path.exists():
        return ModelsText(choice.project, choice.name, path, "", client, "")
    text, unreadable = read_text(path)
    if unreadable is not None:
        raise WrongModels(unreadable.render())
    return ModelsText(choice.project, choice.name, path, text, client, text)


def problems(models: ModelsText, text: str) -> Sequence[Problem]:
    """Find every problem of a text, using the platform's answers about its models."""
    return planned(models, text).checked.problems


def planned(models: ModelsText, text: str) -> Plan | Refused:
    """Plan a text with the capacity that the workspace offers; models that it registers are not checked.

    Errors: those of the client.
    """
    plan = plan_stack(
        PlanRequest(
            models.project.root,
            models.path,
            models.stack,
            read_only_record_of(models.project.root),
            lambda checked: models.client,
            text=text,
            file=shown_file(models.path, os.environ),
            judges_registry=False,
        )
    )
    if isinstance(plan, Refused) and plan.error is not None:
        raise plan.error
    return plan


def diff(models: ModelsText, text: str) -> str:
    """Return the unified diff between the old and the new text; "" if they are equal."""
    before, after = models.text.splitlines(keepends=True), text.splitlines(keepends=True)
    name = models.path.name
    lines = difflib.unified_diff(before, after, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def write(models: ModelsText, text: str) -> None:
    """Replace the models file atomically, keeping its permissions and a byte order mark.

    Errors: CommandError, also if the file is no longer the one that was read.
    """
    path = models.path
    try:
        before = path.read_bytes() if path.exists() else None
        if (read_text(path)[0] if before is not None else "") != models.on_disk:
            raise ChangedMeanwhile(str(path))
        encoding = "utf-8-sig" if before is not None and before.startswith(codecs.BOM_UTF8) else "utf-8"
        replace_file(path, text.encode(encoding), before=before)
    except ChangedMeanwhile as error:
        raise CommandError(f"{path}: changed meanwhile, so nothing was written; run again") from error
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror}") from error
