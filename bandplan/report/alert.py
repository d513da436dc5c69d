"""What a reviewer must not miss, in one line below the sentence."""

from bandplan.report.number import count
from bandplan.report.sentence import Run
from bandplan.report.stack import StackReport

_SEPARATOR = Run(" · ")


def alerts(report: StackReport) -> tuple[Run, ...]:
    """Count what a reviewer must not miss, with its meaning; empty if the report is a single line."""
    if report.summary.status in ("unchanged", "quiet"):
        return ()
    kinds = [change.rollout.kind for change in report.endpoints]
    kinds_here = [finding.kind for finding in report.cautions_of_change]
    at_once = sum(bool(change.rollout.at_once) for change in report.endpoints)
    found = (
        _alert(
            "⛔", len(report.of_kind("violation")), "policy violation stops", "policy violations stop", "this change"
        ),
        _alert(
            "🔁",
            kinds.count("replaced"),
            "endpoint is replaced",
            "endpoints are replaced",
            "no service in the meantime",
        ),
        _alert("🗑️", kinds.count("deleted"), "endpoint is deleted", "endpoints are deleted"),
        _alert("⏫", at_once, "endpoint needs", "endpoints need", "capacity for old + new at the same time"),
        _alert("⚠️", kinds_here.count("advisory"), "policy warning", "policy warnings"),
        _alert("⚠️", kinds_here.count("warning"), "warning", "warnings"),
        _alert("🕒", len(report.of_kind("deferred")), "check is deferred", "checks are deferred", "until `up`"),
        _alert("📝", len(report.of_kind("waiver")), "waiver in force", "waivers in force"),
    )
    shown = [alert for alert in found if alert]
    return tuple(run for index, alert in enumerate(shown) for run in ((_SEPARATOR, *alert) if index else alert))


def _alert(sign: str, number: int, noun: str, nouns: str, meaning: str = "") -> tuple[Run, ...]:
    if not number:
        return ()
    is_grave = sign in ("⛔", "🔁", "🗑️")
    after = ": " if meaning == "no service in the meantime" else " "
    return (Run(f"{sign} "), Run(count(number, noun, nouns), is_grave), Run(f"{after}{meaning}" if meaning else ""))
