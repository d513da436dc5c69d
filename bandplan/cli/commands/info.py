"""`bandplan info`: list the legal bands or model units of a model from its optimization info, with what each gives."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.number_types import whole
from bandplan.cli.project import LOCAL
from bandplan.cli.target_argument import add_target_argument

if TYPE_CHECKING:
    from bandplan.planner.capacity import Capacity
    from bandplan.serving.throughput.optimization_info import OptimizationInfo
    from bandplan.wire.prices import PriceList


def configure(parser: argparse.ArgumentParser) -> None:
    what = "an entry of models.yaml, or a model"
    stack = f"stack whose workspace to read (default: {LOCAL})"
    add_target_argument(parser, "ENTRY[/ENTITY]|MODEL[@VERSION]", what, stack)
    parser.add_argument("--input", type=whole(1, 10**8), metavar="TOKENS", help="input tokens of a request")
    parser.add_argument("--output", type=whole(0, 10**8), metavar="TOKENS", help="output tokens of a request")
    parser.add_argument("--steps", type=whole(1, 100), default=6, metavar="N", help="amounts to show (default: 6)")
    parser.add_argument("--prices", type=Path, metavar="FILE", help="your price list, for the cost of an hour")
    parser.add_argument("--offline", action="store_true", help="use recorded optimization info; contact no workspace")
    parser.add_argument("--json", action="store_true", help="print it as JSON (`bandplan schema output`)")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.columns import show_table, show_text
    from bandplan.cli.errors import UsageProblem
    from bandplan.cli.sizing import entry_of, model_of, read_prices_file
    from bandplan.cli.target_argument import is_model
    from bandplan.planner.ladder import ladder
    from bandplan.planner.load import Shape
    from bandplan.serving.throughput.sold import capacity_of

    entry, entity = (None, None) if is_model(arguments.target) else entry_of(arguments)
    model, version = model_of(arguments.target) if entity is None else (entity.model, entity.version)
    version, info = answer(arguments, model, version)
    name = f"{model} version {version}"
    if not info.optimizable:
        raise UsageProblem(f"{name}: is not eligible for provisioned throughput; use another version or model")
    listed = None if arguments.prices is None else read_prices_file(arguments.prices)
    capacity = capacity_of(model, info)
    increment, reference = capacity.increment, capacity.reference
    demand = entry.demand if entry is not None else None
    shape = Shape(
        arguments.input or (demand.input_tokens if demand else reference.input_tokens),
        arguments.output if arguments.output is not None else (demand or reference).output_tokens,
    )
    capacity = replace(capacity, embeds=shape.output_tokens == 0)
    rungs = list(ladder(capacity, shape, arguments.steps))
    costs = [cost_of(arguments, listed, capacity, model, rung.steps) for rung in rungs] if listed is not None else []
    if arguments.json:
        from bandplan.cli.json_output import VERSION, print_document

        print_document(
            {
                "version": VERSION,
                "command": "info",
                "model": model,
                "modelVersion": version,
                "family": info.model_type or None,
                "unit": capacity.unit,
                "increment": increment,
                "requestTokens": {"input": shape.input_tokens, "output": shape.output_tokens},
                "referenceTokens": {"input": reference.input_tokens, "output": reference.output_tokens},
                "currency": None if listed is None else listed.currency,
                "amounts": [
                    {
                        "amount": rung.amount,
                        "tokensPerSecond": rung.tokens_per_second,
                        "requestsPerSecond": rung.requests_per_second,
                        "referenceSeconds": rung.reference_seconds,
                        "costPerHour": costs[index] if costs else None,
                    }
                    for index, rung in enumerate(rungs)
                ],
            }
        )
        return 0
    print(f"{name}")
    print(f"family: {info.model_type or 'not stated'}")
    if capacity.is_range:
        print(f"sold in bands: chunks of {increment:,} tokens/s, input and output together")
    else:
        told = f"steps of {increment:,}" if info.increment else f"the step is not stated; {increment:,} here"
        print(f"sold in {capacity.noun}: {told}")
    amount = "CHUNKS" if capacity.is_range else "UNITS"
    rows = [(amount, "TOKENS/S", f"REQUESTS/S OF {shape}", f"SECONDS OF {reference}", "")]
    for index, rung in enumerate(rungs):
        cost = f"{costs[index]:,.2f} {listed.currency}/h" if listed is not None else ""
        figures = (f"{rung.tokens_per_second:,.0f}", f"{rung.requests_per_second:.2f}", f"{rung.reference_seconds:.2f}")
        rows.append((f"{rung.amount:,}", *figures, cost))
    print()
    show_table(rows, right=range(len(rows[0])))
    print()
    show_text(
        f"Seconds: the tokens of {reference} divided by the tokens/s, as in the documentation; in practice, requests "
        "share them."
    )
    if not capacity.is_range:
        show_text("Tokens/s: published for Llama 4 Maverick at 3500/300 alone, and taken as proportional to the units.")
    if shape != reference:
        show_text(f"Requests/s: extrapolated from {reference} by assumed weights; measure with `bandplan bench`.")
    return 0


def cost_of(arguments: argparse.Namespace, listed: "PriceList", capacity: "Capacity", model: str, steps: int) -> float:
    """Return what `steps` cost in an hour. Errors: UsageProblem if the list has no price for the model."""
    from bandplan.cli.errors import UsageProblem

    found = listed.cost(model, capacity.sold_in, capacity.priced(steps, steps))
    if found is None:
        raise UsageProblem(f"{arguments.prices}: has no price for {model}; add one for the model or its family")
    return float(found[1])


def answer(arguments: argparse.Namespace, model: str, version: str | None) -> "tuple[str, OptimizationInfo]":
    """Return (version, its optimization info); without a named version, the newest recorded one.

    Errors: UsageProblem, CommandError.
    """
    import os

    from bandplan.cli.errors import CommandError, UsageProblem
    from bandplan.cli.project import find_project
    from bandplan.cli.sizing import newest_recorded
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.serving.planning.record import record_of
    from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
    from bandplan.serving.workspace.errors import NotConfigured, WorkspaceError
    from bandplan.serving.workspace.optimization_info import fetch

    project = find_project(Path.cwd())
    version = version or newest_recorded(project, model)
    if version is None:
        raise UsageProblem(f"{model}: no version is recorded; name one, as in {model}@1")
    choice = choose_stack(project, arguments.stack, os.environ, arguments.models)
    wanted = ModelVersion(model, version)
    try:
        client = None if arguments.offline else choice.client()
        found = fetch(
            client,
            [wanted],
            record_of(project.root),
            offline=arguments.offline,
            unrecorded=lambda error: None,
        )[wanted]
    except NotConfigured as error:
        raise UsageProblem(str(error)) from error
    except WorkspaceError as error:
        raise CommandError(str(error)) from error
    if not isinstance(found, OptimizationInfo):
        step = "check the name and the version"
        raise UsageProblem(f"{model} version {version}: nothing is known: {found.reason}; {step}")
    return version, found
