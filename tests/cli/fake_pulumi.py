"""Stands in for the `pulumi` executable: notes each call in calls.jsonl beside it, and reports what report.json says.

report.json: {"changes": {...}, "outputs": {...}, "old_outputs": {...}, "exit": 0, "types": [...]}.
"""

import json
import os
import sys
from pathlib import Path


def main(argv: list[str]) -> int:
    folder = Path(__file__).parent
    with (folder / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps({"argv": argv, "environ": dict(os.environ)}) + "\n")
    if argv[:2] == ["stack", "init"]:
        state = Path(os.environ["PULUMI_BACKEND_URL"].removeprefix("file://"))
        path = state / ".pulumi" / "stacks" / "bandplan" / f"{argv[2]}.json"
        path.parent.mkdir(parents=True)
        path.write_text('{"version": 3, "checkpoint": {}}')
        return 0
    report = json.loads((folder / "report.json").read_text())
    if "--event-log" in argv:
        states = {"new": {"outputs": report["outputs"]}, "old": {"outputs": report["old_outputs"]}}
        events = [
            *({"resourcePreEvent": {"metadata": {"op": "same", "type": one}}} for one in report.get("types", ())),
            {"resOutputsEvent": {"metadata": {"type": "pulumi:pulumi:Stack", **states}}},
            {"summaryEvent": {"resourceChanges": report["changes"]}},
        ]
        log = Path(argv[argv.index("--event-log") + 1])
        log.write_text("".join(json.dumps(event) + "\n" for event in events))
    return int(report["exit"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
