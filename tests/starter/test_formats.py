"""The formats of this version are those that its rooms write."""

from pathlib import Path

from bandplan.bench import document as bench
from bandplan.cli.saved_plan import plan
from bandplan.drift import document as drift
from bandplan.embedded.form import DEPLOYMENT_VERSION
from bandplan.report import document as report
from bandplan.serving.workspace import cache
from bandplan.starter.formats import FORMATS
from bandplan.stub.state import store
from bandplan.wire import endpoint, measured_use

ROOT = Path(__file__).parents[2]


def test_formats_are_those_of_the_rooms() -> None:
    written = {
        "models.yaml": 1,
        "the state (Pulumi checkpoint)": DEPLOYMENT_VERSION,
        "endpoints in the state": endpoint.FORMAT,
        "saved plans (`preview --save-plan`)": plan.VERSION,
        "recorded optimization info": cache._FORMAT,
        "reports (`report --json`)": report.VERSION,
        "drift (`drift --json`)": drift.FORMAT,
        "measured use": measured_use.VERSION,
        "benchmarks (bench.json)": bench.VERSION,
        "the local workspace": store.FORMAT,
    }
    assert written == FORMATS


def test_page_on_upgrading_says_how_long_each_is_read() -> None:
    page = (ROOT / "docs/upgrading.md").read_text()
    assert [name for name in FORMATS if name.replace("`", "") not in page.replace("`", "")] == []
