"""Rollback of one endpoint to an earlier version: the version, the text of models.yaml, and the traffic."""

import difflib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bandplan.cli.entry_history import earlier
from bandplan.cli.errors import CommandError
from bandplan.serving.editing.edits import CannotEdit
from bandplan.serving.editing.entry_fields import with_version
from bandplan.serving.endpoint.declared import Api
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.loading import load_text, read_text
from bandplan.serving.spec.registration import FollowedAlias
from bandplan.serving.throughput.rollout import Running, RunningEntity
from bandplan.serving.workspace.client import WorkspaceClient, from_environment
from bandplan.serving.workspace.endpoints import Endpoints
from bandplan.serving.workspace.errors import Conflict, WorkspaceError
from bandplan.serving.workspace.running_entities import running_endpoints
from bandplan.serving.workspace.traffic import config_with_all_traffic_to
from bandplan.wire.capacity import COUNTED

POLL_SECONDS = (0.05, 5.0)
"""Seconds of the first and of the longest pause between two polls of an endpoint."""

DEFAULT_WAIT_SECONDS = 4 * 3600
"""Seconds that a change may take if the entry does not say; see components/timeouts.py."""


@dataclass(frozen=True)
class GoingBack:
    """The version to go back to, how it was found, and the text of models.yaml before and after."""

    name: str
    entry: Entry
    model: str
    version: str
    known_from: str
    file: str
    before: str
    after: str
    now: Running | None
    client: WorkspaceClient

    @property
    def still_serves(self) -> RunningEntity | None:
        """The entity of the old version if it is still deployed, or None."""
        entities = self.now.entities if self.now is not None else ()
        return next((one for one in entities if (one.model, one.version) == (self.model, self.version)), None)

    def described(self) -> str:
        """Describe what happens: the difference in models.yaml, and the shares of the traffic."""
        lines = [f"{self.name}: back to {self.model} version {self.version} ({self.known_from})"]
        if self.still_serves is None:
            lines.append("It no longer serves: an `up` of the whole stack deploys it again, without steps.")
        if isinstance(self.entry.version, FollowedAlias):
            alias = self.entry.version.alias
            lines.append(
                f"The entry followed the alias {alias} and is now pinned; move the alias before you make "
                "it follow again."
            )
        for one in self.now.entities if self.now is not None else ():
            to_percent = 100 if one is self.still_serves else 0
            if self.still_serves is not None:
                lines.append(f"  version {one.version}: {one.traffic_percent} -> {to_percent} percent of the traffic")
        changed = difflib.unified_diff(
            self.before.splitlines(), self.after.splitlines(), self.file, self.file, lineterm="", n=2
        )
        return "\n".join(
            [*lines, "", *changed] if self.before != self.after else [*lines, f"{self.file} already says so."]
        )


def going_back(models: Path, stack: str, environ: Mapping[str, str], name: str, to_version: str | None) -> GoingBack:
    """Find the version to go back to, and the edit for it; `environ` names the stack's workspace.

    Errors: CommandError if there is no version to go back to, or the edit is impossible.
    """
    unreadable = read_text(models)[1]
    if unreadable is not None:
        raise CommandError(unreadable.render())
    text = models.read_bytes().decode("utf-8")
    entry = _entry(text, models, stack, name)
    try:
        client = from_environment(environ)
        client.ping()  # reports a workspace that never answers within seconds, not minutes
        now = running_endpoints(client, [name])[name]
    except WorkspaceError as error:
        raise CommandError(str(error)) from error
    model, version, known_from = _goal(models, stack, entry, now, to_version)
    try:
        after = with_version(text, models.name, stack, name, model, version)
    except CannotEdit as error:
        raise CommandError(str(error)) from error
    return GoingBack(name, entry, model, version, known_from, models.name, text, after, now, client)


def written(back: GoingBack, models: Path) -> None:
    """Write models.yaml with the old version; leave it alone if it already says so."""
    if back.after != back.before:
        models.write_bytes(back.after.encode("utf-8"))


def move_traffic(back: GoingBack, say: Callable[[str], None], sleep: Callable[[float], object] = time.sleep) -> None:
    """Move all traffic to the entity of the old version, after any running update has ended.

    Errors: CommandError with the platform's reason; nothing is deleted or deployed.
    """
    endpoints = Endpoints(back.client)
    target = back.still_serves
    if target is None:
        raise CommandError(f"{back.name}: version {back.version} no longer serves")
    try:
        live = _settled(endpoints, back, say, sleep)
        while live.config is not None and live.config.traffic_percent.get(target.served_name) != 100:
            throughput = back.entry.throughput
            burst = getattr(throughput, "burst", None)
            body = config_with_all_traffic_to(live.config, target.served_name, burst=burst)
            say(f"{back.name}: sending all traffic to version {back.version}")
            try:
                endpoints.update_config(back.name, _api(back.entry, target), body)
            except Conflict:
                say(f"{back.name}: somebody else started an update; waiting for it to finish")
            before = live.config.version
            live = _settled(endpoints, back, say, sleep)
            if live.has_failed_update and (live.config is None or live.config.version == before):
                failed = live.pending_config or live.config
                reasons = "; ".join(one.message for one in (failed.entities if failed else ()) if one.message)
                raise CommandError(
                    f"{back.name}: the platform could not move the traffic: {reasons or 'no reason given'}"
                )
    except WorkspaceError as error:
        raise CommandError(str(error)) from error


def _settled(
    endpoints: Endpoints, back: GoingBack, say: Callable[[str], None], sleep: Callable[[float], object]
) -> LiveEndpoint:
    pause, longest = POLL_SECONDS
    limits = back.entry.timeouts
    left = float((limits.update_seconds if limits is not None else None) or DEFAULT_WAIT_SECONDS)
    live = endpoints.get(back.name)
    if live.is_updating:
        say(f"{back.name}: an update is under way and cannot be changed; waiting for it to finish")
    while live.is_updating:
        if left <= 0:
            raise CommandError(f"{back.name}: the update is still under way; run `bandplan rollback {back.name}` again")
        sleep(pause)
        left -= pause
        pause = min(pause * 1.5, longest)
        live = endpoints.get(back.name)
    return live


def _entry(text: str, models: Path, stack: str, name: str) -> Entry:
    checkable = load_text(text, models.name, stack).checkable
    names = [entry.name for entry in checkable.models] if checkable is not None else []
    if checkable is None or name not in names:
        there = ", ".join(names[:10]) or "none"
        raise CommandError(f"{models.name}: no valid entry {name} (entries: {there}); run `bandplan validate`")
    entry = checkable.models[names.index(name)]
    if entry.declarations is not None or entry.registration is not None or entry.workload is not None:
        kind = "entities" if entry.declarations is not None else "register" if entry.registration else "workload"
        raise CommandError(
            f"{models.name}: models/{name} has `{kind}`; edit it and run `up` to go back. Rollback works only for "
            "an entry with one model and its version"
        )
    return entry


def _goal(models: Path, stack: str, entry: Entry, now: Running | None, to_version: str | None) -> tuple[str, str, str]:
    """Return (model, version, how it was found)."""
    if to_version is not None:
        return str(entry.model), to_version, "--to"
    if now is not None and len(now.entities) > 1:
        old = max(now.entities[:-1], key=lambda one: one.traffic_percent)
        return old.model, old.version, f"it still serves, {old.traffic_percent} percent of the traffic"
    alone = now.entities[0] if now is not None and now.entities else None
    if alone and isinstance(entry.version, str) and (alone.model, alone.version) != (entry.model, entry.version):
        return alone.model, alone.version, f"it still serves alone because version {entry.version} never became ready"
    before = earlier(models, stack, entry.name, (entry.model, entry.version))
    if before is not None:
        return before.model, before.version, f"{models.name} in commit {before.commit}"
    serves = f"version {alone.version} serves alone" if alone else "no version of it serves"
    raise CommandError(
        f"{entry.name}: there is no version to go back to: {serves}, and Git has no other version of the entry; "
        f"name one with `bandplan rollback {entry.name} --to VERSION`"
    )


def _api(entry: Entry, target: RunningEntity) -> Api:
    from bandplan.components.request import classic_only_fields

    return (
        "pt"
        if any(unit.of(target)[1] is not None for unit in COUNTED) and not classic_only_fields(entry)
        else "classic"
    )
