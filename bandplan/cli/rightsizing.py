"""What `bandplan rightsize` judges: entries of models.yaml with their use and their last change."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.entry_curves import MeasuredCurve
from bandplan.cli.entry_history import written_since
from bandplan.cli.errors import UsageProblem
from bandplan.cli.judged_entry import JudgedEntry, Settings
from bandplan.cli.policies import configured_rules
from bandplan.cli.usage_files import Usage
from bandplan.serving.spec.entry import Entry
from bandplan.usage.decision import DOWN_DAYS
from bandplan.usage.evidence import Thresholds, shortcomings
from bandplan.usage.problem import BadUsage
from bandplan.usage.store import UseStore
from bandplan.usage.trail import last_changes
from bandplan.usage.verdict import Verdict
from bandplan.usage.window import DAY, window_of
from bandplan.wire.band_policies import band_policies_of

if TYPE_CHECKING:
    from bandplan.cli.stack_choice import StackChoice

OBSERVED_USE = "observed-use"


def settings_of(
    choice: "StackChoice",
    days: int,
    percent: float,
    minimum_change_percent: float,
    curves: Mapping[str, MeasuredCurve],
) -> Settings:
    """Return the settings of a stack: the thresholds are those of its policy observed-use. Errors: UsageProblem."""
    rules = configured_rules(choice.project, choice.stack)
    properties = next(one.properties for one in rules if one.rule.id == OBSERVED_USE)
    names = ("minimum_samples", "minimum_days", "minimum_percentile", "maximum_age_days")
    thresholds = Thresholds(**{name: properties[name] for name in names})
    policies = band_policies_of(choice.project.root, choice.name)
    return Settings(time.time(), days, percent, minimum_change_percent, thresholds, policies, curves)


def judged(
    choice: "StackChoice", entries: Sequence[Entry], usage: Usage, settings: Settings, trail: Path
) -> list[Verdict]:
    """Judge every entry. Errors: UsageProblem."""
    store = UseStore(choice.project.own_folder / "use.db")
    names = [entry.name for entry in entries]
    days = settings.days + DOWN_DAYS
    written = written_since(choice.models, choice.name, names, settings.now, days)
    verdicts = []
    try:
        changes = last_changes(trail, choice.name)
        for entry in entries:
            since = settings.minute - int(settings.days + settings.thresholds.maximum_age_days) * DAY
            window = window_of(
                usage.observed[entry.name],
                store.minutes(choice.name, entry.name, since),
                settings.days,
                settings.minute,
            )
            thin = shortcomings(
                window, settings.thresholds, settings.percentile, settings.minute, has_rows=bool(usage.files)
            )
            sized = JudgedEntry(choice, entry, settings)
            verdicts.append(sized.verdict(window, thin, written.get(entry.name), changes.get(entry.name)))
    except BadUsage as error:
        raise UsageProblem(str(error)) from error
    return verdicts
