"""The usage files of a command line: read, counted, and gathered by endpoint."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.counted import counted
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import NotFound, WorkspaceError
from bandplan.serving.workspace.volume_files import PREFIX, csv_texts
from bandplan.usage.observed import Observed
from bandplan.usage.overlap import Overlap
from bandplan.usage.problem import BadUsage
from bandplan.usage.usage_table import Row, Table, UsageFile, open_usage, read_csv

MOST_OTHERS = 1_000
"""Names of endpoints that were not asked for, beyond which further ones are not counted."""


@dataclass
class FileStatistics:
    """What a usage file had."""

    path: Path
    table: Table
    rows: int = 0
    newest: float = 0.0
    answered: int = 0
    untokened: int = 0

    def described(self, now: float) -> str:
        if not self.rows:
            step = "check that usage tracking is on and that the query covers the right days"
            return f"{self.path}: no rows of {self.table.name}; {step}"
        newest = datetime.fromtimestamp(self.newest, UTC).strftime("%Y-%m-%d %H:%M UTC")
        share = 100 * self.untokened / self.answered if self.answered else 0.0
        return (
            f"{self.path}: {counted(self.rows, 'row')} of {self.table.name}, the newest of {newest} "
            f"({max(0.0, now - self.newest) / 86_400:.1f} days ago), {share:.1f}% of the answers without tokens"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "file": str(self.path),
            "table": self.table.name,
            "rows": self.rows,
            "newest": datetime.fromtimestamp(self.newest, UTC).isoformat() if self.rows else None,
            "untokened_percent": round(100 * self.untokened / self.answered, 3) if self.answered else None,
        }


@dataclass
class Usage:
    """Everything read from usage files; `others` counts the rows of endpoints that were not asked for."""

    files: list[FileStatistics] = field(default_factory=list)
    observed: dict[str, Observed] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)

    @property
    def source(self) -> str:
        """Where tokens are from, as evidence."""
        return f"{self.files[0].table.name}, minutes" if self.files else ""


def read_usage(
    paths: Sequence[Path],
    names: Iterable[str],
    now: datetime,
    client: Callable[[], WorkspaceClient],
    workspace: str | None = None,
) -> Usage:
    """Read what usage files of this machine, or of a volume of the workspace that `client` opens, have on endpoints.

    A name such as `ENDPOINT/ENTITY` gets the rows of one served entity. If `workspace` is given, rows of others are
    left out: endpoints of several workspaces may share a name.

    Errors: UsageProblem, with every problem of the first file that has some; CommandError.
    """
    found = Usage(observed={name: Observed() for name in names})
    workspaces: dict[str, set[str | None]] = {name: set() for name in found.observed}
    split = {name.partition("/")[0] for name in found.observed if "/" in name}
    try:
        opened = [(one, place) for place, path in enumerate(paths) for one in _opened(path, now, client)]
        tables = {one.table.name: one for one, _ in opened}
        if len(tables) > 1:
            first, second = list(tables.values())[:2]
            raise BadUsage(
                f"--usage: {first.path} has rows of {first.table.name}, {second.path} of {second.table.name}: the same "
                "requests may be in both; give one table"
            )
        overlap, export = Overlap(), None
        for one, given in opened:
            if given != export:
                export = given
                overlap.begin_export()
            statistics = FileStatistics(one.path, one.table)
            found.files.append(statistics)
            for row in _counted(one, statistics):
                if workspace is not None and row.workspace != workspace:
                    if row.workspace is None:
                        step = "export the column workspace_id too, or leave --workspace-id out"
                        raise BadUsage(f"{one.path}: its rows do not say of which workspace they are; {step}")
                    continue
                observed = found.observed.get(row.endpoint)
                if observed is not None:
                    observed.add(row)
                    overlap.add(row)
                    workspaces[row.endpoint].add(row.workspace)
                    if row.endpoint in split and (of := found.observed.get(f"{row.endpoint}/{row.served}")) is not None:
                        of.add(row)
                elif row.endpoint in found.others or len(found.others) < MOST_OTHERS:
                    found.others[row.endpoint] += 1
            if overlap.is_found:
                step = "each request would count twice; leave one out, or export days that do not overlap"
                raise BadUsage(f"{one.path}: has rows of another --usage file again: {step}")
    except BadUsage as error:
        raise UsageProblem(str(error)) from error
    mixed = {name: sorted(filter(None, ids)) for name, ids in workspaces.items() if len(ids) > 1}
    if mixed:
        lines = [f"--usage: {name} has rows of the workspaces {_listed(ids)}" for name, ids in mixed.items()]
        raise UsageProblem("\n".join([*lines, "add --workspace-id ID, the workspace of the stack"]))
    return found


def _listed(ids: Sequence[str]) -> str:
    shown = ", ".join(one[:40] for one in ids[:5])
    return f"{shown} and {len(ids) - 5} more" if len(ids) > 5 else shown


def _opened(path: Path, now: datetime, client: Callable[[], WorkspaceClient]) -> Iterator[UsageFile]:
    if not str(path).startswith(PREFIX) or path.exists():
        yield open_usage(path, now)
        return
    if path.suffix.lower() == ".parquet":
        raise BadUsage(f"{path}: only CSV is read from a volume; write the rows as CSV, or download the file")
    is_empty = True
    try:
        for name, text in csv_texts(client(), str(path)):
            is_empty = False
            yield read_csv(Path(name), text, now)
    except NotFound as error:
        raise BadUsage(f"{path}: the workspace has no such file or folder: {error}; write the rows there") from error
    except WorkspaceError as error:
        raise CommandError(f"{path}: {error}") from error
    if is_empty:
        raise BadUsage(f"{path}: has no .csv file; write the rows there as CSV with a header")


def _counted(usage: UsageFile, statistics: FileStatistics) -> Iterator[Row]:
    for row in usage.rows:
        statistics.rows += 1
        statistics.newest = max(statistics.newest, row.seconds)
        if 200 <= row.status < 300:
            statistics.answered += 1
            statistics.untokened += row.input_tokens is None or row.output_tokens is None
        yield row
