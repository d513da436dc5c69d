"""What `bandplan rightsize` judges: entries of models.yaml with their use and their last change."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.entry_curves import MeasuredCurve
from bandplan.cli.entry_history import written_since
from bandplan.cli.errors import UsageProblem
from bandplan.cli.judged_entry import JudgedEntry, Settings
from bandplan.cli.judged_subject import subjects_of
from bandplan.cli.policies import configured_rules
from bandplan.cli.usage_files import Usage
from bandplan.serving.spec.entry import Entry
from bandplan.usage.decision import DOWN_DAYS, Decision
from bandplan.usage.evidence import Thresholds, shortcomings
from bandplan.usage.problem import BadUsage
from bandplan.usage.reason import Code, Reason
from bandplan.usage.store import UseStore
from bandplan.usage.trail import last_changes
from bandplan.usage.verdict import Verdict
from bandplan.usage.window import DAY, window_of
from bandplan.wire.band_policies import band_policies_of

if TYPE_CHECKING:
    from bandplan.cli.stack_choice import StackChoice

OBSERVED_USE = "observed-use"

NO_SERVED_NAMES = "no row has served_entity_name; run the query that `bandplan rightsize --sql` prints"


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
    """Judge every entry; of one with several entities, each of them too. Errors: UsageProblem."""
    store = UseStore(choice.project.own_folder / "use.db")
    subjects = subjects_of(entries)
    days = settings.days + DOWN_DAYS
    written = written_since(choice.models, choice.name, [one.name for one in subjects], settings.now, days)
    verdicts = []
    try:
        changes = last_changes(trail, choice.name)
        since = settings.minute - int(settings.days + settings.thresholds.maximum_age_days) * DAY
        for entry in entries:
            minutes = store.minutes(choice.name, entry.name, since)
            whole = window_of(usage.observed[entry.name], minutes, settings.days, settings.minute)
            if len(entry.entities) > 1:
                reason = Reason(Code.NOT_SIZED_HERE, "each of its entities is judged by its own rows")
                verdicts.append(Verdict(entry.name, Decision("abstain", (reason,)), window=whole))
            for one in (subject for subject in subjects if subject.entry is entry):
                window = whole
                if one.is_one_of_several:
                    # The metrics export does not tell entities apart.
                    window = window_of(usage.observed[one.name], {}, settings.days, settings.minute)
                thin = shortcomings(
                    window, settings.thresholds, settings.percentile, settings.minute, has_rows=bool(usage.files)
                )
                if one.is_one_of_several and whole is not None and window is None:
                    served = ", ".join(name[:63] for name in usage.observed[entry.name].served)
                    told = f"the rows name other served entities: {served}" if served else NO_SERVED_NAMES
                    thin = [Reason(Code.NO_DATA, told)]
                judged_one = JudgedEntry(choice, one, settings)
                verdicts.append(judged_one.verdict(window, thin, written.get(one.name), changes.get(one.name)))
    except BadUsage as error:
        raise UsageProblem(str(error)) from error
    return verdicts
