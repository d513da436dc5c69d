"""`bandplan size`: the smallest band or model units for a demand and a latency target, with the evidence."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.json_output import print_document
from bandplan.cli.number_types import number, whole
from bandplan.cli.project import LOCAL
from bandplan.cli.target_argument import add_target_argument

if TYPE_CHECKING:
    from bandplan.planner.plan import Plan


def configure(parser: argparse.ArgumentParser) -> None:
    what = "an entry of models.yaml, or a model such as system.ai.x"
    add_target_argument(parser, "ENTRY[/ENTITY]|MODEL", what, f"stack whose entry to size (default: {LOCAL})")
    demand = parser.add_argument_group("demand (what the entry says, unless given)")
    rate = demand.add_mutually_exclusive_group()
    rate.add_argument(
        "--requests-per-second", type=number(0, 1e6), metavar="N", help="requests that arrive in a second"
    )
    rate.add_argument("--concurrent-requests", type=whole(1, 10_000), metavar="N", help="requests always in flight")
    demand.add_argument("--input", type=whole(1, 10**8), metavar="TOKENS", help="input tokens of a request")
    demand.add_argument("--output", type=whole(0, 10**8), metavar="TOKENS", help="output tokens of a request")
    demand.add_argument("--spread", type=number(0, 500, least=True), metavar="PERCENT", help="spread of both lengths")
    demand.add_argument("--arrivals", choices=("poisson", "bursty"), help="how requests arrive")
    demand.add_argument(
        "--trace", type=Path, metavar="FILE", help="replay CSV or JSONL of time, input and output tokens"
    )
    demand.add_argument(
        "--peak-factor", type=number(1, 1000, least=True), metavar="N", help="peak load divided by the average"
    )
    demand.add_argument(
        "--cache-hit",
        type=number(0, 100, least=True),
        metavar="PERCENT",
        help="percent of prompt tokens found in the cache",
    )
    target = parser.add_argument_group("target")
    target.add_argument("--latency", type=number(0, 1e6), metavar="SECONDS", help="seconds of a whole request")
    target.add_argument("--ttft", type=number(0, 1e6), metavar="SECONDS", help="seconds to the first token")
    target.add_argument("--tpot", type=number(0, 1e6), metavar="MS", help="milliseconds for each output token after it")
    target.add_argument(
        "--percentile",
        type=number(50, 99.9, least=True),
        metavar="N",
        help="percent of the requests that meet the targets (default: 95)",
    )
    target.add_argument(
        "--headroom",
        type=number(0, 1000, least=True),
        metavar="PERCENT",
        help="percent of the peak to add to it (default: 20)",
    )
    known = parser.add_argument_group("what is known")
    known.add_argument("--chunk", type=whole(1, 10**8), metavar="TOKENS/S", help="chunk size of the model")
    known.add_argument("--unit-step", type=whole(1, 10**6), metavar="UNITS", help="increment of the model's units")
    known.add_argument(
        "--curve",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="curve measured by `bandplan bench`; repeatable",
    )
    known.add_argument(
        "--curve-capacity", type=whole(1, 10**6), metavar="N", help="chunks or units that ran while it was measured"
    )
    known.add_argument(
        "--startup-seconds",
        type=number(0, 86_400),
        default=60.0,
        metavar="S",
        help="time that a chunk takes to start (default: 60, assumed)",
    )
    known.add_argument("--prices", type=Path, metavar="FILE", help="your price list, for the cost of an hour")
    known.add_argument("--rows", type=whole(1, 10**12), metavar="N", help="rows of a batch job to time")
    parser.add_argument("--write", action="store_true", help="write the answer into the entry of models.yaml")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.columns import show_text
    from bandplan.cli.errors import UsageProblem
    from bandplan.cli.json_output import VERSION
    from bandplan.cli.progress import doing
    from bandplan.cli.sizing import question_of
    from bandplan.planner.alone import NoCapacity
    from bandplan.planner.jump import jump_of
    from bandplan.planner.plan import plan
    from bandplan.planner.text import as_json, described

    question = question_of(arguments)
    try:
        with doing("simulating the load"):
            found = plan(
                question.capacity,
                question.load,
                question.target,
                peak_factor=question.peak_factor,
                headroom_percent=question.headroom_percent,
            )
    except NoCapacity as error:
        raise UsageProblem(f"{question.name}: {error}") from error
    cost, jump = question.cost(found), jump_of(found, arguments.startup_seconds)
    written = question.write(found) if arguments.write else ""
    if arguments.json:
        answer = as_json(found, jump)
        head = {"version": VERSION, "command": "size"}
        document = {**head, "name": question.name, "model": question.model, **answer, "cost_per_hour": cost or None}
        print_document(document)
    else:
        show_text(f"{question.name}: {throughput_line(found)}\n")
        show_text(described(found, rows=arguments.rows, cost=cost, jump=jump))
        if question.capacity.source == "guess":
            model = f"{question.model}@{question.version or 'VERSION'}"
            flag = "--chunk" if question.capacity.is_range else "--unit-step"
            told = f"`bandplan info {model}` asks a workspace in what steps the model is sold; {flag} states it."
            show_text(f"\nTo replace the guess, {told}")
        if written:
            show_text(f"\n{written}")
    return 0


def throughput_line(found: "Plan") -> str:
    """Return the line of models.yaml that the answer is."""
    throughput = found.capacity.throughput(found.floor.steps, found.ceiling.steps)
    return f"throughput: {throughput}".replace("'", "")
