"""The stacks of the file backend shared by both engines, read without either engine.

Source of the layout: pkg/backend/diy in github.com/pulumi/pulumi (read 2026-11).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bandplan.cli.errors import CommandError
from bandplan.embedded.files import where_a_copy_is
from bandplan.embedded.form import checkpoint_problems, listed, strict_json, version_problem


def stacks_folder(state_folder: Path, project: str) -> Path:
    return state_folder / ".pulumi" / "stacks" / project


def stack_names(state_folder: Path, project: str) -> tuple[str, ...]:
    """Return the sorted names of the stacks that have a state."""
    return tuple(sorted(path.stem for path in stacks_folder(state_folder, project).glob("*.json")))


def require_stack(state_folder: Path, project: str, stack: str) -> None:
    """Check that the stack exists. Errors: CommandError that names the existing stacks."""
    names = stack_names(state_folder, project)
    if stack not in names:
        there = ", ".join(names) or "none yet"
        raise CommandError(
            f"no stack {stack} in {state_folder} (existing stacks: {there}); run `bandplan up` to create it"
        )


def read_checkpoint(state_folder: Path, project: str, stack: str) -> dict[str, Any]:
    """Read the stack's checkpoint and check its form: `stack`, and `latest` unless it was never deployed.

    Errors: CommandError if the stack does not exist or its file is damaged.
    """
    path = stacks_folder(state_folder, project) / f"{stack}.json"
    require_stack(state_folder, project, stack)
    try:
        document = strict_json(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path}: the stack's state cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(f"{path}: the stack's state cannot be read: {error}; {where_a_copy_is(path)}") from error
    if problem := version_problem(document):
        raise CommandError(f"{path}: the stack's state cannot be read: it {problem}")
    checkpoint: Any = document.get("checkpoint") if isinstance(document, dict) else None
    if problems := checkpoint_problems(checkpoint, project, stack):
        raise CommandError(f"{path}: the stack's state cannot be read; {where_a_copy_is(path)}:{listed(problems)}")
    return dict(checkpoint)


def stack_rows(state_folder: Path, project: str) -> list[dict[str, Any]]:
    """List each stack with the fields of `pulumi stack ls --json`: `name`, `lastUpdate` (UTC), `resourceCount`.

    The latter two are None for a stack that was never deployed or whose state cannot be read.
    """
    return [
        {"name": one.name, "lastUpdate": one.time or None, "resourceCount": one.resources}
        for one in _stacks(state_folder, project)
    ]


def stack_table(state_folder: Path, project: str) -> list[tuple[str, str, str]]:
    """Return the rows of a table like that of `pulumi stack ls`: name, last change (UTC), resources."""
    rows = [("NAME", "LAST UPDATE", "RESOURCE COUNT")]
    for one in _stacks(state_folder, project):
        count = "n/a" if one.resources is None else str(one.resources)
        rows.append((one.name, one.time[:19].replace("T", " ") or "n/a", "damaged" if one.is_damaged else count))
    return rows


@dataclass(frozen=True)
class _Stack:
    """`time` is that of the last change, "" without a resource; `resources` counts them, None if never deployed."""

    name: str
    time: str = ""
    resources: int | None = None
    is_damaged: bool = False


def _stacks(state_folder: Path, project: str) -> Iterator[_Stack]:
    for name in stack_names(state_folder, project):
        try:
            latest = read_checkpoint(state_folder, project, name).get("latest") or {}
        except CommandError:
            yield _Stack(name, is_damaged=True)
            continue
        resources = latest.get("resources") or []
        time = ((latest.get("manifest") or {}).get("time") or "") if resources else ""
        yield _Stack(name, time, len(resources) if latest else None)
