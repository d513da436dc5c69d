"""`bandplan bench ENDPOINT | compare A B | import FILE...`: the throughput-latency curve of an endpoint."""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.errors import UsageProblem
from bandplan.cli.json_output import INTERRUPTED
from bandplan.cli.number_types import number
from bandplan.cli.paint import say_finding
from bandplan.cli.project import LOCAL
from bandplan.cli.result_files import require_room_for
from bandplan.cli.stack_argument import add_stack_argument

if TYPE_CHECKING:
    from bandplan.bench.bench import BenchPlan
    from bandplan.bench.curve import Curve
    from bandplan.bench.level import Slo
    from bandplan.cli.bench_target import Chosen
    from bandplan.serving.spec.demand import Demand

COMPARE, IMPORT = "compare", "import"
REFERENCE_INPUT, REFERENCE_OUTPUT = "2048", "256"
"""The lengths at which the platform states a chunk."""

MOST_REQUESTS, MOST_TOKENS, MOST_MINUTES = 20_000, 20_000_000, 30.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="ENDPOINT",
        help="endpoint to measure (none with --url); or `compare A B` for two bench.json, or `import FILE...`",
    )
    where = parser.add_argument_group()
    add_stack_argument(where, f"stack whose workspace has the endpoint (default: {LOCAL})")
    where.add_argument(
        "--url", metavar="URL", help="measure any server with OpenAI's API instead, such as http://127.0.0.1:8000/v1"
    )
    where.add_argument("--model", metavar="NAME", help="model to request from that server")
    where.add_argument(
        "--key-variable", metavar="NAME", help="environment variable with its key (default: OPENAI_API_KEY, if set)"
    )
    where.add_argument("--route", choices=("invocations", "openai"), default="invocations", help="path of the requests")
    where.add_argument("--task", choices=("chat", "completions", "embeddings"), help="task (default: the endpoint's)")
    where.add_argument("--served", metavar="NAME", help="query only this served entity, such as a canary")
    where.add_argument("--no-stream", action="store_true", help="request whole answers, without TTFT and TPOT")
    load = parser.add_argument_group()
    load.add_argument(
        "--parallel", metavar="N[,N]", help="levels of requests in flight (default: 1, 2, 4 ... to the plateau)"
    )
    load.add_argument(
        "--most-parallel", type=int, default=256, metavar="N", help="last level of the sweep (default: 256)"
    )
    load.add_argument("--rate", metavar="R[,R]", help="open loop: requests per second, whatever the server does")
    load.add_argument(
        "--arrivals",
        choices=("poisson", "constant", "gamma"),
        default="poisson",
        help="how an open loop spaces its requests (default: poisson)",
    )
    load.add_argument(
        "--burstiness",
        type=number(0.01, 1000, least=True),
        default=0.5,
        metavar="SHAPE",
        help="shape of gamma arrivals (default: 0.5); 1 is Poisson",
    )
    load.add_argument("--trace", type=Path, metavar="FILE", help="replay CSV or JSONL of time, input and output tokens")
    load.add_argument("--rows", type=int, metavar="N", help="replay only the first N rows")
    load.add_argument(
        "--input", metavar="TOKENS", help="length of prompts, or MEAN:SPREAD (default: the demand's, or 2048)"
    )
    load.add_argument(
        "--output", metavar="TOKENS", help="length of answers, or MEAN:SPREAD (default: the demand's, or 256)"
    )
    load.add_argument(
        "--lengths",
        type=Path,
        metavar="FILE",
        help="draw lengths from the rows of a CSV or JSONL of input and output tokens",
    )
    load.add_argument(
        "--tokenizer", type=Path, metavar="FILE", help="tokenizer.json, for a server that reports no usage"
    )
    load.add_argument(
        "--processes", type=int, metavar="N", help="client processes (default: 1, and more once one core is not enough)"
    )
    load.add_argument(
        "--seconds", type=number(0, 86_400), default=60.0, metavar="S", help="most seconds for one level (default: 60)"
    )
    load.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of arrivals, lengths and prompts (default: 0)"
    )
    slo = parser.add_argument_group()
    slo.add_argument("--ttft", type=number(0, 1e6), metavar="S", help="SLO: seconds to the first token")
    slo.add_argument(
        "--tpot", type=number(0, 1e6), metavar="MS", help="SLO: milliseconds per output token after the first"
    )
    slo.add_argument(
        "--latency", type=number(0, 1e6), metavar="S", help="SLO: seconds of a whole request, from its scheduled time"
    )
    safety = parser.add_argument_group()
    safety.add_argument(
        "--yes-real-endpoint", action="store_true", help="agree to the load on another machine's endpoint"
    )
    safety.add_argument(
        "--most-requests",
        type=int,
        default=MOST_REQUESTS,
        metavar="N",
        help="most requests over all levels (default: 20,000)",
    )
    safety.add_argument(
        "--most-tokens",
        type=int,
        default=MOST_TOKENS,
        metavar="N",
        help="most tokens over all levels (default: 20,000,000)",
    )
    safety.add_argument(
        "--most-minutes",
        type=number(0, 1e6),
        default=MOST_MINUTES,
        metavar="N",
        help="most minutes over all levels (default: 30)",
    )
    safety.add_argument("--prices", metavar="FILE", help="your prices (YAML), for the money of the run")
    out = parser.add_argument_group()
    out.add_argument(
        "--out", type=Path, default=Path("bench.json"), metavar="FILE", help="file for the curve (default: bench.json)"
    )
    out.add_argument("--csv", type=Path, metavar="FILE", help="write a row for each level too")
    out.add_argument("--html", type=Path, metavar="FILE", help="write one HTML file with plots too")
    out.add_argument("--requests", type=Path, metavar="FILE", help="write a JSON line for each request too")
    out.add_argument("--measured", type=Path, metavar="FILE", help="put the result into the file that `stop_if` reads")
    out.add_argument("--export", action="append", default=[], metavar="TOOL=FILE", help="vllm=FILE or aiperf=FILE")
    out.add_argument("--mlflow", metavar="EXPERIMENT", help="log the run to MLflow (MLFLOW_TRACKING_URI)")
    out.add_argument(
        "--fail-if", action="append", default=[], metavar="RULE", help="compare: exit status 1, as in 'p95_ttft > 5%%'"
    )
    out.add_argument("--json", action="store_true", help="compare: print the differences as JSON")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.bench.problem import BenchProblem

    words = arguments.words
    if arguments.json and words[:1] != [COMPARE]:
        raise UsageProblem("--json: only for compare; a measurement writes its curve as JSON to the file of --out")
    if arguments.fail_if and words[:1] != [COMPARE]:
        raise UsageProblem("--fail-if: only for compare; measure first, then compare the two files of --out")
    try:
        if words[:1] == [COMPARE]:
            return compare(arguments, [Path(one) for one in words[1:]])
        if words[:1] == [IMPORT]:
            return take_over(arguments, [Path(one) for one in words[1:]])
        return measure(arguments)
    except BenchProblem as error:
        raise UsageProblem(str(error)) from error


def compare(arguments: argparse.Namespace, files: list[Path]) -> int:
    """Print two curves side by side; return 1 if a difference is past a limit."""
    from bandplan.bench.compare import broken, other_load, parse_rule, table
    from bandplan.bench.compare import compare as compared
    from bandplan.bench.document import read_document
    from bandplan.embedded.layout import shortened

    if len(files) != 2:
        raise UsageProblem("compare: needs two files; write bandplan bench compare BEFORE.json AFTER.json")
    rules = [parse_rule(text) for text in arguments.fail_if]
    before, after = map(read_document, files)
    differences = compared(before, after)
    if others := other_load(before, after):
        step = "figures differ for that reason too; measure both with the same load"
        say_finding(f"warning: {files[0]} and {files[1]} had different loads: {'; '.join(others)}; {step}", sys.stderr)
    past = broken(rules, differences)
    if arguments.json:
        from bandplan.cli.json_output import VERSION, print_document

        print_document(
            {
                "version": VERSION,
                "command": "bench compare",
                "before": str(files[0]),
                "after": str(files[1]),
                "differences": [
                    {**asdict(one), "after": finite(one.after), "change": finite(one.change), "isClear": one.is_clear}
                    for one in differences
                ],
                "pastLimits": [
                    {"rule": rule.text, "level": one.level, "metric": one.metric, "change": finite(one.change)}
                    for rule, one in past
                ],
                "exitStatus": 1 if past else 0,
            }
        )
        return 1 if past else 0
    print(f"{'':<26} {shortened(files[0].name, 9):>9} {shortened(files[1].name, 9):>9}  change (95%)")
    print(table(differences))
    for rule, one in past:
        how = f"changed by {one.change:+.1%}" if math.isfinite(one.change) else "lies among the failed requests"
        print(f"{one.level}: {one.metric} {how}; the limit is {rule.text}", file=sys.stderr)
    return 1 if past else 0


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def take_over(arguments: argparse.Namespace, files: list[Path]) -> int:
    """Convert results of AIPerf or vLLM into a curve."""
    from bandplan.bench.document import write_whole
    from bandplan.bench.foreign import imported

    if not files:
        raise UsageProblem("import: needs a file; write bandplan bench import profile_export_aiperf.json")
    document = imported(files)
    write_whole(arguments.out, json.dumps(document, indent=1) + "\n")
    print(f"{arguments.out}: {len(document['curve']):,} level(s) of {document['source']}")
    return 0


def measure(arguments: argparse.Namespace) -> int:
    """Run the benchmark."""
    from bandplan.bench.bench import Watcher, run_bench
    from bandplan.bench.table import head, summary
    from bandplan.cli.bench_chunks import gauge_of
    from bandplan.cli.bench_law import fitted_law
    from bandplan.cli.bench_levels import Levels
    from bandplan.cli.bench_requests import RequestsFile
    from bandplan.cli.bench_target import renewal_of, require_direct
    from bandplan.cli.columns import terminal_width
    from bandplan.cli.main import installed_version
    from bandplan.cli.measured_file import existing_parts
    from bandplan.embedded.terminal import is_drawn_on

    exports = exports_of(arguments.export)
    require_room_for(
        [arguments.out, arguments.csv, arguments.html, arguments.requests, arguments.measured, *exports.values()]
    )
    if arguments.measured is not None:
        existing_parts(arguments.measured)
    chosen = target_of(arguments)
    require_direct(chosen.target, os.environ)
    plan = plan_of(arguments, chosen.demand)
    announce(arguments, plan, chosen)
    count, counter = counter_of(arguments, chosen)
    width = terminal_width()
    print(head(width), flush=True)
    levels = Levels(width, is_drawn_on(sys.stdout))
    requests = RequestsFile(arguments.requests) if arguments.requests else None
    try:
        watcher = Watcher(
            levels.show,
            requests.add if requests else lambda *_: None,
            gauge_of(chosen, arguments.stack),
            renewal_of(chosen.client) if chosen.client is not None else None,
        )
        curve = run_bench(plan, chosen.target, watcher, {"bandplan": installed_version()}, count, counter)
    finally:
        if requests is not None:
            requests.close()
    print(summary(curve, fitted_law(curve.levels)), flush=True)
    if curve.points:
        lacking = write_results(arguments, curve, exports)
    else:
        lacking = ["nothing was measured, so no file was written"]
    if requests is not None and requests.fault is not None:
        lacking.append(requests.fault)
    for one in lacking:
        say_finding(f"error: {one}", sys.stderr)
    if curve.stopped == "interrupted":
        return INTERRUPTED
    return 0 if not lacking and any(point.is_valid and point.counts.get("completed") for point in curve.points) else 1


def write_results(arguments: argparse.Namespace, curve: "Curve", exports: dict[str, Path]) -> list[str]:
    """Write every file that was requested; what was measured is kept even if it is less than what was wanted.

    Returns why there is no file of measured use, although one was requested.
    """
    from bandplan.bench.document import document, write_document, write_whole
    from bandplan.bench.foreign import exported
    from bandplan.bench.measured import measured
    from bandplan.bench.problem import BenchProblem
    from bandplan.bench.table import csv_text
    from bandplan.cli.measured_file import put_measured

    write_document(arguments.out, curve)
    written = [arguments.out]
    if arguments.csv:
        write_whole(arguments.csv, csv_text(curve.points))
        written.append(arguments.csv)
    if arguments.html:
        from bandplan.bench.page import page
        from bandplan.cli.bench_law import fitted_law

        write_whole(arguments.html, page(curve, fitted_law(curve.levels)))
        written.append(arguments.html)
    if arguments.requests:
        written.append(arguments.requests)
    for tool, path in exports.items():
        write_whole(path, exported(document(curve), tool))  # type: ignore[arg-type]
        written.append(path)
    lacking = []
    if arguments.measured:
        try:
            served, found = measured(curve)
        except BenchProblem as error:
            lacking.append(f"{arguments.measured}: not written: {error}")
        else:
            put_measured(arguments.measured, {}, {curve.name: {served: found}})
            written.append(arguments.measured)
            if "ttft_seconds" not in found:
                step = "its p95 needs 59 requests of one level; raise --seconds or --parallel"
                if not curve.streamed:
                    step = "whole answers have none"
                print(f"{arguments.measured}: without TTFT, so `stop_if: ttft_seconds` is not measured: {step}")
    print("written: " + ", ".join(map(str, written)))
    if arguments.mlflow:
        from bandplan.cli.bench_mlflow import log_curve

        print(log_curve(arguments.mlflow, arguments.out))
    return lacking


def target_of(arguments: argparse.Namespace) -> "Chosen":
    from bandplan.cli.bench_target import target_of_stack, target_of_url

    if arguments.url is not None:
        if arguments.words:
            raise UsageProblem("ENDPOINT and --url: give one of them")
        if not arguments.model:
            raise UsageProblem("--url: needs --model NAME, the model to request from that server")
        for option in ("served", "measured"):
            if getattr(arguments, option) is not None:
                rule = "only for an endpoint of a stack, as a server at --url has no served entities"
                raise UsageProblem(f"--{option}: {rule}; leave the option out")
        return target_of_url(arguments, os.environ)
    if len(arguments.words) != 1:
        raise UsageProblem("needs one ENDPOINT, such as an entry of models.yaml, or --url URL --model NAME")
    return target_of_stack(arguments, arguments.words[0])


def plan_of(arguments: argparse.Namespace, demand: "Demand | None") -> "BenchPlan":
    """Return what the arguments ask for. Errors: UsageProblem for contradictions and values out of range."""
    from bandplan.bench.bench import MOST_PARALLEL, BenchPlan, Limits, doubled
    from bandplan.bench.clients import MOST_PROCESSES
    from bandplan.bench.lengths import Length, length_of, parse_length
    from bandplan.bench.trace import read_lengths, read_trace

    given = [f"--{name}" for name in ("parallel", "rate", "trace") if getattr(arguments, name) is not None]
    if len(given) > 1:
        raise UsageProblem(f"{' and '.join(given)}: give one of them")
    if arguments.processes is not None:
        require(1 <= arguments.processes <= MOST_PROCESSES, "--processes", f"1 to {MOST_PROCESSES:,}")
    require(1 <= arguments.most_parallel <= MOST_PARALLEL, "--most-parallel", f"1 to {MOST_PARALLEL:,}")
    for name in ("most_requests", "most_tokens"):
        require(getattr(arguments, name) > 0, f"--{name.replace('_', '-')}", "more than 0")
    if arguments.rows is not None:
        require(arguments.rows > 0 and arguments.trace is not None, "--rows", "more than 0, and with --trace")

    spread = (demand.spread_percent or 0) / 100 if demand else 0.0

    def length(option: str, text: str | None, of_demand: int | None, otherwise: str) -> Length:
        if text is None and of_demand is not None:
            return Length(of_demand, of_demand * spread)
        try:
            return parse_length(text or otherwise)
        except ValueError as error:
            raise UsageProblem(f"{option}: {error}") from None

    wanted = BenchPlan(
        mode="sweep",
        input=length("--input", arguments.input, demand.input_tokens if demand else None, REFERENCE_INPUT),
        output=length("--output", arguments.output, demand.output_tokens if demand else None, REFERENCE_OUTPUT),
        limits=Limits(arguments.most_requests, arguments.most_tokens, arguments.most_minutes),
        seed=arguments.seed,
        level_seconds=arguments.seconds,
        slo=slo_of(arguments, demand),
        arrivals=arguments.arrivals,
        burstiness=arguments.burstiness,
        processes=arguments.processes,
    )
    if arguments.lengths is not None:
        given = [f"--{name}" for name in ("input", "output", "trace") if getattr(arguments, name) is not None]
        if given:
            raise UsageProblem(f"--lengths: has both lengths of each request; leave out {' and '.join(given)}")
        pairs = read_lengths(arguments.lengths)
        inputs, outputs = (length_of(values) for values in zip(*pairs, strict=True))
        wanted = replace(wanted, lengths=pairs, input=inputs, output=outputs)
    if arguments.trace is not None:
        return replace(wanted, mode="replay", trace=read_trace(arguments.trace, arguments.rows))
    if arguments.rate is not None:
        return replace(wanted, mode="open", rates=numbers("--rate", arguments.rate, float, 100_000))
    if arguments.parallel is not None:
        levels = numbers("--parallel", arguments.parallel, int, MOST_PARALLEL)
        return replace(wanted, mode="closed" if len(levels) == 1 else "sweep", levels=levels)
    return replace(wanted, levels=doubled(arguments.most_parallel))


def slo_of(arguments: argparse.Namespace, demand: "Demand | None") -> "Slo | None":
    """Return what the options require of a request, else what the entry's demand does; None without either."""
    from bandplan.bench.level import Slo

    if arguments.ttft is None and arguments.tpot is None and arguments.latency is None:
        return _slo_of_demand(demand) if demand is not None else None
    tpot = None if arguments.tpot is None else arguments.tpot / 1000
    return Slo(arguments.ttft, tpot, arguments.latency)


def _slo_of_demand(demand: "Demand") -> "Slo | None":
    from bandplan.bench.level import Slo

    tpot = None if demand.tpot_ms is None else demand.tpot_ms / 1000
    wanted = Slo(demand.ttft_seconds, tpot, demand.latency_seconds)
    return None if wanted == Slo() else wanted


def announce(arguments: argparse.Namespace, plan: "BenchPlan", chosen: "Chosen") -> None:
    """Say how much will be sent at most, and where; a real endpoint needs agreement. Errors: UsageProblem."""
    from bandplan.rest.address import is_loopback

    limits, target = plan.limits, chosen.target
    money = money_of(arguments, chosen, limits.minutes)
    print(
        f"{target.name} at {target.address}: at most {limits.requests:,} requests, {limits.tokens:,} tokens, "
        f"{limits.minutes:g} minutes{money}",
        file=sys.stderr,
    )
    silent = sum(row.output_tokens == 0 for row in plan.trace)
    if silent and target.task != "embeddings":
        print(
            f"{arguments.trace}: {silent:,} of {len(plan.trace):,} rows have 0 output tokens (failed requests, in some "
            "traces); their answers get 1 token",
            file=sys.stderr,
        )
    if not is_loopback(target.host) and not arguments.yes_real_endpoint:
        raise UsageProblem(
            f"{target.address}: not on this machine, so the load costs money and may slow others down; "
            "add --yes-real-endpoint to agree, and lower --most-requests, --most-tokens or --most-minutes if need be"
        )


def money_of(arguments: argparse.Namespace, chosen: "Chosen", minutes: float) -> str:
    """Return what the endpoint costs in so many minutes by the price file; "" without one. Errors: UsageProblem."""
    if not arguments.prices:
        return ""
    from bandplan.cli.bench_money import money_of_run

    if chosen.client is None:
        raise UsageProblem("--prices: a server at --url is not priced by band; leave the option out")
    return f", {money_of_run(arguments.prices, chosen.target.name, chosen.live, minutes)}"


def counter_of(arguments: argparse.Namespace, chosen: "Chosen") -> "tuple[Callable[[str], int] | None, str]":
    """Return what counts tokens if the server does not: the tokenizer file, else the local workspace."""
    if arguments.tokenizer is not None:
        try:
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(str(arguments.tokenizer))
        except Exception as error:
            raise UsageProblem(f"{arguments.tokenizer}: not a tokenizer.json: {error}") from error
        return (lambda text: len(tokenizer.encode(text).ids)), "tokenizer"
    client, name = chosen.client, chosen.target.name
    if client is not None and arguments.stack == LOCAL:

        def tokenize(text: str) -> int:
            return int(client.post("/stub/tokenize", {"model": name, "text": text})["tokens"])

        return tokenize, "tokenize"
    return None, ""


def exports_of(given: Iterable[str]) -> dict[str, Path]:
    from bandplan.bench.foreign import TOOLS

    found: dict[str, Path] = {}
    for one in given:
        tool, sign, file = one.partition("=")
        if not sign or tool not in TOOLS or not file:
            raise UsageProblem(f"--export {one}: write {' or '.join(f'{tool}=FILE' for tool in TOOLS)}")
        found[tool] = Path(file)
    return found


def numbers(option: str, text: str, kind: type, most: float) -> list[Any]:
    """Parse ascending numbers separated by commas. Errors: UsageProblem."""
    try:
        found = [kind(part) for part in text.split(",")]
    except ValueError:
        raise UsageProblem(f"{option} {text}: not numbers; write, for example, {option} 1,2,4") from None
    if not all(0 < one <= most for one in found) or found != sorted(set(found)):
        raise UsageProblem(f"{option} {text}: must be ascending, more than 0 and at most {most:,}")
    return found


def require(is_so: bool, option: str, rule: str) -> None:
    if not is_so:
        raise UsageProblem(f"{option}: must be {rule}")
