"""`bandplan up`: deploys the stack, prints its endpoints, and asks each one query."""

import argparse
from typing import Any

from cli.deployment import Deployment, add_change_arguments, open_deployment, options_of


def configure(parser: argparse.ArgumentParser) -> None:
    add_change_arguments(parser)
    parser.add_argument("--refresh", action="store_true", help="read what the workspace really has before planning")
    parser.add_argument("--no-query", action="store_true", help="do not ask the endpoints a query afterwards")


def run(arguments: argparse.Namespace) -> int:
    deployment = open_deployment(arguments)
    result = deployment.engine.up(options_of(arguments))
    if not result.ok:
        return 1
    return report(deployment, result.outputs.get("endpoints") or [], query=not arguments.no_query)


def report(deployment: Deployment, outputs: list[dict[str, Any]], *, query: bool) -> int:
    """The table of endpoints and the answers; 1 when one fails. Only the local stack is asked: others bill it."""
    from cli.endpoints import live_states, rows, table
    from cli.query import Query, ask_all, render
    from serving.workspace.client import from_environment

    if not outputs:
        print("\nno endpoints: models.yaml lists none for this stack")
        return 0
    client = from_environment(deployment.environ)
    endpoints = rows(outputs)
    print("\n" + table(endpoints, live_states(client, [endpoint.name for endpoint in endpoints])))
    if not (query and deployment.is_local):
        return 0
    print("\nOne query each:", flush=True)
    failed = 0
    for answer in ask_all(client, [Query(endpoint.name, endpoint.task) for endpoint in endpoints]):
        print(render(answer), flush=True)
        failed += not answer.ok
    return 1 if failed else 0
