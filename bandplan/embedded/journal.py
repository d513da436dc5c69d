"""What a running update has done so far, one line per operation, so that a killed update loses no resource.

Writing a checkpoint per resource would rewrite the whole stack each time; a line costs only its own length. At the end
of an update the checkpoint is written once and the journal is removed. If a journal is found, the update that wrote it
was killed: `replay` returns the state as it was then, and what was still in progress.

Each line is one JSON object. The first: {"base": SHA-256 of the checkpoint's bytes, or "" if there was none}. Then:
{"start": resource, "op": "creating" or another kind, "seq": n}   an operation began; the provider is about to be called
{"seq": n, "new": resource, "old": index or null}                 it ended: `new` replaces the old entry
{"seq": n, "new": resource, "condemned": index}                   it ended: the old entry stays until it is deleted
{"seq": n, "gone": index}                                         an old entry was deleted
{"seq": n, "mark": index, "resource": resource}                   an old entry changed in place
{"outputs": urn, "properties": {…}}                               the outputs of a component or of the stack
{"failed": n}                                                     an operation ended without effect
Indexes count the checkpoint's resources from 0.
"""

import contextlib
import hashlib
import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TextIO

from bandplan.embedded.checkpoint import Snapshot, StackFile, is_ours, parse
from bandplan.embedded.errors import StateError
from bandplan.embedded.files import read_if_there, remove
from bandplan.embedded.form import graph_problems, line_problems, listed, strict_json
from bandplan.embedded.ordering import in_order, naming_only
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.unfinished import KeepOutputs, keep_old_outputs, with_components_taken_back
from bandplan.embedded.values import dumped
from bandplan.wire.machine_folder import make_private_folder


@dataclass
class Progress:
    """The state while an update runs: the entries from before it, and what it has done to them.

    `olds[i]` is None once the entry was replaced or deleted. `news` are in the order in which they were completed,
    which is a dependency order.
    """

    base: Snapshot
    olds: list[ResourceState | None] = field(default_factory=list)
    news: dict[int, ResourceState] = field(default_factory=dict)
    pending: dict[int, dict[str, Any]] = field(default_factory=dict)
    sequence_of: dict[str, int] = field(default_factory=dict)
    is_changed: bool = False

    def __post_init__(self) -> None:
        """Start from the base."""
        self.olds = list(self.base.resources)

    def apply(self, line: dict[str, Any]) -> None:
        """Apply one line."""
        match line:
            case {"start": resource, "op": op, "seq": sequence}:
                self.pending[sequence] = {"resource": resource, "type": op}
            case {"new": resource, "old": index, "seq": sequence}:
                self.record(sequence, ResourceState.from_json(resource), index)
            case {"new": resource, "condemned": index, "seq": sequence}:
                self.record(sequence, ResourceState.from_json(resource), index, is_condemned=True)
            case {"gone": index, "seq": sequence}:
                self.pending.pop(sequence, None)
                self.olds[index] = None
            case {"mark": index, "resource": resource, "seq": sequence}:
                self.pending.pop(sequence, None)
                self.olds[index] = ResourceState.from_json(resource)
            case {"outputs": urn, "properties": properties}:
                self.set_outputs(urn, properties)
            case {"failed": sequence}:
                self.pending.pop(sequence, None)
            case _:
                raise StateError(f"the journal has a line of an unknown kind: {sorted(line)}")

    def record(self, sequence: int, state: ResourceState, index: int | None, is_condemned: bool = False) -> None:
        """Add a new state, replacing the old entry at `index` if any; a condemned entry stays, marked for deletion."""
        self.pending.pop(sequence, None)
        # An import may be followed by an update in the same run.
        self.news.pop(self.sequence_of.get(state.urn, sequence), None)
        self.news[sequence] = state
        self.sequence_of[state.urn] = sequence
        if index is not None:
            old = self.olds[index]
            self.olds[index] = old.changed(delete=True) if is_condemned and old is not None else None

    def set_outputs(self, urn: str, properties: dict[str, Any]) -> None:
        """Set the outputs of a component or the stack. An otherwise unchanged one may have no line of its own."""
        if (sequence := self.sequence_of.get(urn)) is not None:
            self.news[sequence] = self.news[sequence].changed(outputs=properties)
            return
        for index, state in enumerate(self.olds):
            if state is not None and state.urn == urn and not state.delete:
                self.olds[index] = state.changed(outputs=properties)

    def snapshot(self) -> Snapshot:
        """Return the current stack: what was completed, then what has not been reached.

        Leftovers of a failed run may still name what the same run has deleted; the state names only what it holds.
        """
        kept = [*self.news.values(), *(state for state in self.olds if state is not None)]
        there = {state.urn for state in kept}
        resources = [state if state.all_dependencies() <= there else _among(there, state) for state in kept]
        return Snapshot(
            resources=resources,
            secrets_providers=self.base.secrets_providers,
            metadata=self.base.metadata,
            pending_operations=[*self.pending.values(), *self._unsettled(resources)],
        )

    def _unsettled(self, resources: list[ResourceState]) -> list[dict[str, Any]]:
        """Return creates left pending by an earlier, killed run."""
        known = {state.urn for state in resources}
        return [
            operation
            for operation in self.base.pending_operations
            if operation.get("type") == "creating" and operation["resource"]["urn"] not in known
        ]


class Journal:
    """Keeps `Progress` and its file in step. Thread-safe. A line has left the process when its call returns.

    Lines are formatted before the lock is taken: many threads wait for it, and formatting takes most of the time.
    """

    def __init__(self, file: StackFile, base: Snapshot, base_text: bytes | None) -> None:
        """Open the journal; nothing is written until something happens."""
        self._file = file
        self._digest = digest(base_text)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._out: TextIO | None = None
        self.progress = Progress(base)

    def start(self, state: ResourceState, op: str) -> int:
        """Record that a provider is about to be called; return the number of the operation."""
        sequence = next(self._numbers)
        self._take({"start": state.to_json(), "op": op, "seq": sequence})
        return sequence

    def fail(self, sequence: int) -> None:
        """Record that an operation ended without effect."""
        self._take({"failed": sequence})

    def record(
        self,
        state: ResourceState,
        index: int | None,
        sequence: int | None = None,
        changed: bool = True,
        is_condemned: bool = False,
    ) -> None:
        """Record a resource's new state. Unchanged states (`same`) need no line, because the old entry is identical."""
        sequence = next(self._numbers) if sequence is None else sequence
        place = "condemned" if is_condemned else "old"
        text = _worded({"seq": sequence, "new": state.to_json(), place: index}) if changed else None
        with self._lock:
            self.progress.record(sequence, state, index, is_condemned)
            self._write(text)

    def gone(self, index: int, sequence: int | None = None) -> None:
        """Record that an old entry was deleted."""
        self._settle({"gone": index}, sequence)

    def mark(self, index: int, state: ResourceState, sequence: int | None = None) -> None:
        """Record that an old entry changed in place."""
        self._settle({"mark": index, "resource": state.to_json()}, sequence)

    def foresee(self, index: int, state: ResourceState | None) -> None:
        """Note, in a preview, what an update would do to an old entry. Writes nothing."""
        with self._lock:
            self.progress.olds[index] = state

    def outputs(self, urn: str, properties: dict[str, Any], changed: bool) -> None:
        """Record the outputs of a component."""
        text = _worded({"outputs": urn, "properties": properties}) if changed else None
        with self._lock:
            self.progress.set_outputs(urn, properties)
            self._write(text)

    def close(self) -> None:
        """Stop writing; the file stays until `remove`."""
        with self._lock:
            if self._out is not None:
                self._out.close()
                self._out = None

    def remove(self) -> None:
        """Remove the journal, now that the checkpoint holds all of it."""
        with contextlib.suppress(OSError):  # of an operation that could not be written when it happened
            self.close()
        remove(self._file.journal_path)

    def _settle(self, line: dict[str, Any], sequence: int | None) -> None:
        self._take({"seq": next(self._numbers) if sequence is None else sequence, **line})

    def _take(self, line: dict[str, Any]) -> None:
        text = _worded(line)
        with self._lock:
            self.progress.apply(line)
            self._write(text)

    def _write(self, text: str | None) -> None:
        if text is None:
            return
        self.progress.is_changed = True
        path = self._file.journal_path
        try:
            if self._out is None:
                make_private_folder(path.parent, self._file.state_dir)
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                os.fchmod(handle, 0o600)
                self._out = os.fdopen(handle, "w", encoding="utf-8")
                self._out.write(_worded({"base": self._digest}))
            self._out.write(text)
            self._out.flush()
        except OSError as error:
            raise StateError(
                f"{path}: cannot be written: {error.strerror}; no further steps are started; fix this and run again"
            ) from error


def _among(there: set[str], state: ResourceState) -> ResourceState:
    return naming_only(there, state.changed(parent=state.parent if state.parent in there else ""))


def _worded(line: dict[str, Any]) -> str:
    return dumped(line) + "\n"


def digest(checkpoint_text: bytes | None) -> str:
    """Return the digest that identifies the checkpoint that a journal continues."""
    return hashlib.sha256(checkpoint_text).hexdigest() if checkpoint_text is not None else ""


def replay(file: StackFile, keep_outputs: KeepOutputs = keep_old_outputs) -> Snapshot | None:
    """Return the state at the moment an update was killed; None if no journal exists or the checkpoint holds all of it.

    Only a last line without its line feed, cut short by the kill, is skipped. StateError if any other line cannot be
    trusted, or if the journal belongs to another checkpoint: then nothing is written, and both files stay.
    """
    text = read_if_there(file.journal_path) or b""
    base_text = read_if_there(file.path)
    if b"\n" not in text:
        return None  # killed before any operation began
    lines = _whole_lines(text, file)
    base = next(lines)["base"]
    before = parse(base_text, file) if base_text is not None else Snapshot()
    if base != digest(base_text):
        if base == digest(read_if_there(file.backup_path)) and base_text is not None and is_ours(base_text):
            # Killed between the last two operations of a run: the checkpoint was written, the journal not yet removed.
            return None
        raise StateError(
            f"{file.journal_path}: continues a different checkpoint than {file.path}; "
            "compare the two and remove the journal if the checkpoint is correct"
        )
    progress = Progress(before)
    for number, line in enumerate(lines, start=2):
        if problem := _misfit(line, progress):
            raise _unreadable(file, number, [problem])
        progress.apply(line)
    snapshot = progress.snapshot()
    begun = frozenset(str(operation["resource"].get("parent") or "") for operation in progress.pending.values())
    kept = with_components_taken_back(before, snapshot.resources, begun, keep_outputs)
    snapshot = replace(snapshot, resources=kept)
    if problems := graph_problems(
        [(one.urn, one.delete, frozenset(one.all_dependencies())) for one in snapshot.resources]
    ):
        raise StateError(f"{file.journal_path}: leads to an invalid state; {_way_out(file)}:{listed(problems)}")
    return replace(snapshot, resources=in_order(snapshot.resources))


def _whole_lines(text: bytes, file: StackFile) -> Iterator[dict[str, Any]]:
    """Yield the lines that end in a line feed. StateError at the first without the form of a journal line."""
    for number, line in enumerate(text.split(b"\n")[:-1], start=1):
        try:
            found = strict_json(line)
        except ValueError as error:
            raise _unreadable(file, number, [f"is not valid JSON ({error})"]) from error
        if problems := line_problems(found, number == 1, file.project, file.stack):
            raise _unreadable(file, number, problems)
        yield found


def _misfit(line: dict[str, Any], progress: Progress) -> str | None:
    """Say why a well-formed line is wrong at its place: it refers to an entry that does not exist."""
    for key in ("old", "condemned", "gone", "mark"):
        place = line.get(key)
        if place is None:
            continue
        if place >= len(progress.olds):
            return "names a resource that is not in the checkpoint"
        if key != "old" and progress.olds[place] is None:
            return "names a resource that an earlier line has replaced or deleted"
    return None


def _unreadable(file: StackFile, number: int, problems: Sequence[str]) -> StateError:
    return StateError(
        f"{file.journal_path}: line {number} cannot be trusted, so what the killed update did after it is unknown; "
        f"{_way_out(file)}:{listed(problems)}"
    )


def _way_out(file: StackFile) -> str:
    return (
        f"nothing was changed and the journal is kept; correct the line, or compare {file.path} with what is "
        "deployed and then remove the journal"
    )
