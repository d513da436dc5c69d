"""`python -m bandplan.stub serve`: the stub workspace in the foreground."""

import argparse
import os
import sys
from pathlib import Path

from bandplan.stub.inference.selection.spec import KINDS


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code. Print only what kept it from starting."""
    options = _parser().parse_args(arguments)
    from bandplan.stub import port
    from bandplan.stub.inference.selection.options import EngineOptions
    from bandplan.stub.inference.simulated import parse_pace
    from bandplan.stub.server import LOOPBACK, ServeError, ServeSettings, serve
    from bandplan.stub.state import scenario
    from bandplan.stub.state.serving.settle import parse as parse_settle
    from bandplan.stub.state.store import StoreError

    if options.host != LOOPBACK:
        print(f"--host {options.host}: the stub workspace listens on {LOOPBACK} only", file=sys.stderr)
        return 2
    try:
        settle = parse_settle(options.settle) if options.settle else None
        pace = parse_pace(options.pace) if options.pace else None
        played = scenario.load(scenario.find(options.scenario)) if options.scenario else scenario.NONE
        folder = Path(options.state_dir).absolute()
        os.umask(0o077)  # the database and the log are private to their owner, like the token
        engines = EngineOptions(
            options.engine,
            Path(options.engine_python).absolute() if options.engine_python else None,
            frozenset(options.allow_engine_host),
        )
        is_unlimited = options.capacity == "unlimited"
        number = port.parse(options.port)
        serve(folder, ServeSettings(number, settle, pace, played, engines, options.keep_token, is_unlimited))
    except (ServeError, StoreError, scenario.ScenarioError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        place = error.filename or options.state_dir
        print(f"{place}: {error.strerror}; move it away, then start again", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bandplan.stub", description="A local stand-in for a Databricks workspace."
    )
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("serve", help="serve a state directory until stopped")
    serve.add_argument("--state-dir", required=True, metavar="DIR", help="directory for the token, database and log")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on; only 127.0.0.1 is accepted")
    serve.add_argument("--port", default="0", metavar="P", help="port to listen on; 0 picks a free one")
    serve.add_argument(
        "--settle", metavar="RULE", help="when updates complete: reads:N (default reads:1), ms:N, manual or at-once"
    )
    serve.add_argument(
        "--scenario", metavar="NAME", help="how to misbehave: a name from bandplan/stub/scenarios, or a path"
    )
    serve.add_argument(
        "--pace",
        metavar="TTFT:TPOT",
        help="answer at a fixed speed, in milliseconds: to the first token : per output token",
    )
    serve.add_argument(
        "--capacity",
        choices=("provisioned", "unlimited"),
        default="provisioned",
        help="provisioned (default): limit endpoints to their band or model units; unlimited: no limit",
    )
    serve.add_argument(
        "--engine",
        metavar="KIND",
        choices=KINDS,
        help="what answers where no setting names it: simulated (default), openai, transformers, vllm or auto",
    )
    serve.add_argument("--engine-python", metavar="PYTHON", help="the Python of the environment with vLLM or torch")
    serve.add_argument(
        "--allow-engine-host",
        metavar="HOST",
        action="append",
        default=[],
        help="a host other than this machine that the engine openai may send prompts to; may be repeated",
    )
    serve.add_argument("--keep-token", action="store_true", help="reuse the token of the last start")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
