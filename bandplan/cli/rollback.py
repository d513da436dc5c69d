"""Rollback of one endpoint to an earlier version: the version, the text of models.yaml, and the traffic."""

import difflib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from bandplan.cli.entry_history import earlier
from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.models_text import ModelsText, planned, write
from bandplan.cli.stack_fleet import WrongModels
from bandplan.serving.editing.edits import CannotEdit
from bandplan.serving.editing.entry_fields import with_version
from bandplan.serving.endpoint.declared import Api
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.loading import load_text
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.registration import FollowedAlias
from bandplan.serving.throughput.rollout import Running, RunningEntity
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
class Goal:
    """The model and version to go back to, and how they were found."""

    model: str
    version: str
    known_from: str


@dataclass(frozen=True)
class GoingBack:
    """The entry before, the version to go back to, what runs now, and the text of models.yaml before and after.

    `errors` prevent the entry from being deployed with that version; `notes` say what else is wrong with the file.
    """

    entry: Entry
    goal: Goal
    now: Running | None
    models: ModelsText
    after: str
    errors: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def version(self) -> str:
        return self.goal.version

    @property
    def file(self) -> str:
        return self.models.path.name

    @property
    def still_serves(self) -> RunningEntity | None:
        """The entity of the old version if it is still deployed, or None."""
        entities, goal = self.now.entities if self.now is not None else (), self.goal
        return next((one for one in entities if (one.model, one.version) == (goal.model, goal.version)), None)

    @property
    def shares(self) -> tuple[tuple[str, float, float], ...]:
        """(version, percent of the traffic before, after) of each entity that serves; empty if the old one does not."""
        if self.now is None or self.still_serves is None:
            return ()
        kept = self.still_serves
        return tuple((one.version, one.traffic_percent, 100 if one is kept else 0) for one in self.now.entities)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else the user should know."""
        lines = []
        if self.still_serves is None:
            lines.append("It no longer serves: an `up` of the whole stack deploys it again, without steps.")
        if isinstance(self.entry.version, FollowedAlias):
            alias = self.entry.version.alias
            lines.append(
                f"The entry followed the alias {alias} and is now pinned; move the alias before you make "
                "it follow again."
            )
        return (*lines, *self.notes)

    @property
    def difference(self) -> str:
        """The change of models.yaml as a diff; "" if there is none."""
        before, after = self.models.text.splitlines(), self.after.splitlines()
        return "\n".join(difflib.unified_diff(before, after, self.file, self.file, lineterm="", n=2))

    def described(self) -> str:
        """Describe what happens: the difference in models.yaml, and the shares of the traffic."""
        goal = self.goal
        lines = [f"{self.name}: back to {goal.model} version {goal.version} ({goal.known_from})", *self.remarks]
        lines += [
            f"  version {version}: {before} -> {after} percent of the traffic" for version, before, after in self.shares
        ]
        if self.models.text != self.after:
            return "\n".join([*lines, "", self.difference])
        return "\n".join([*lines, f"{self.file} already says so."])


def going_back(models: ModelsText, name: str, to_version: str | None) -> GoingBack:
    """Find the version to go back to and the edit for it, and plan the edited text.

    Errors: CommandError if there is no version to go back to, or the edit is impossible.
    """
    entry = _entry(models, name)
    try:
        models.client.ping()  # reports a workspace that never answers within seconds, not minutes
        now = running_endpoints(models.client, [name])[name]
    except WorkspaceError as error:
        raise CommandError(str(error)) from error
    goal = _goal(models, entry, now, to_version)
    try:
        after = with_version(models.text, models.path.name, models.stack, name, goal.model, goal.version)
    except CannotEdit as error:
        raise CommandError(str(error)) from error
    errors, notes = _checked(models, name, after)
    return GoingBack(entry, goal, now, models, after, errors, notes)


def require_deployable(back: GoingBack) -> None:
    """Raise WrongModels, after printing every error, unless the entry can be deployed with the version."""
    for error in back.errors:
        print(error.render(), file=sys.stderr)
    if back.errors:
        raise WrongModels(
            f"nothing was changed: {back.name} cannot be deployed with version {back.version} and the rest of its "
            f"entry; fix the entry in {back.file}, or revert the commit that changed it, and run `up`",
            back.errors,
        )


def written(back: GoingBack) -> None:
    """Write models.yaml with the old version; leave it alone if it already says so.

    Errors: CommandError if the file has changed since it was read; it is then left as it is.
    """
    if back.after != back.models.text:
        write(back.models, back.after)


def move_traffic(back: GoingBack, say: Callable[[str], None], sleep: Callable[[float], object] = time.sleep) -> None:
    """Move all traffic to the entity of the old version, after any running update has ended.

    Errors: CommandError with the platform's reason; nothing is deleted or deployed.
    """
    endpoints = Endpoints(back.models.client)
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


def _checked(models: ModelsText, name: str, after: str) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """Plan the edited text; return the errors of the entry, and what else to say.

    Errors of other entries do not keep an endpoint from going back, and neither does a workspace that does not say
    which capacity it offers: `up` judges both.
    """
    try:
        errors = planned(models, after).checked.errors
    except WorkspaceError as error:
        return (), (f"The edited {models.path.name} was not checked: {error}",)
    own = tuple(one for one in errors if _is_of_entry(one, name))
    if len(own) == len(errors):
        return own, ()
    return own, (f"{models.path.name} has errors in other places, so `up` refuses it; run `bandplan validate`.",)


def _is_of_entry(problem: Problem, name: str) -> bool:
    match problem.path.split("/"):
        case ["models", entry, *_] | ["overrides", _, entry, *_]:
            return entry == name
    return False


def _entry(models: ModelsText, name: str) -> Entry:
    from bandplan.serving.spec.suggestion import did_you_mean

    file = models.path.name
    checkable = load_text(models.text, file, models.stack).checkable
    names = [entry.name for entry in checkable.models] if checkable is not None else []
    if checkable is None or name not in names:
        there = ", ".join(names[:10]) or "none"
        step = did_you_mean(name, names, "run `bandplan validate`")
        raise UsageProblem(f"{file}: no valid entry {name} (entries: {there}); {step}")
    entry = checkable.models[names.index(name)]
    if entry.declarations is not None or entry.registration is not None or entry.workload is not None:
        kind = "entities" if entry.declarations is not None else "register" if entry.registration else "workload"
        raise CommandError(
            f"{file}: models/{name} has `{kind}`; edit it and run `up` to go back. Rollback works only for "
            "an entry with one model and its version"
        )
    return entry


def _goal(models: ModelsText, entry: Entry, now: Running | None, to_version: str | None) -> Goal:
    if to_version is not None:
        return Goal(str(entry.model), to_version, "--to")
    if now is not None and len(now.entities) > 1:
        old = max(now.entities[:-1], key=lambda one: one.traffic_percent)
        return Goal(old.model, old.version, f"it still serves, {old.traffic_percent} percent of the traffic")
    alone = now.entities[0] if now is not None and now.entities else None
    if alone and isinstance(entry.version, str) and (alone.model, alone.version) != (entry.model, entry.version):
        known_from = f"it still serves alone because version {entry.version} never became ready"
        return Goal(alone.model, alone.version, known_from)
    before = earlier(models.path, models.stack, entry.name, (entry.model, entry.version))
    if before is not None:
        return Goal(before.model, before.version, f"{models.path.name} in commit {before.commit}")
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
