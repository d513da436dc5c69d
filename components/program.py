"""The program of every stack: plans it, and declares the fleet or stops with all problems in one error.

Reads the stack's configuration (`bandplan:models`) and the environment (`serving.planning.deployment` has the names).
"""

import os
import signal
import sys
import time
from datetime import date
from pathlib import Path

import pulumi

from bandplan.components.fleet import Fleet
from bandplan.components.pulumi_internals import bulk_declaration
from bandplan.serving.planning.deployment import (
    deployment_request,
    followed_aliases,
    is_offline,
    note_refusal,
    planned_amounts,
    refusal,
)
from bandplan.serving.planning.plan import Plan, Refused, plan_stack
from bandplan.serving.planning.request import PlanRequest
from bandplan.serving.spec.models_file import KEY, NAMESPACE


def run() -> None:
    """Declare the current stack's fleet and export `endpoints`. Errors: RunError, before any resource."""
    end_quietly_when_called_off()
    request = deployment_request(
        Path(pulumi.runtime.get_root_directory()),
        pulumi.Config(NAMESPACE).get(KEY),
        pulumi.get_stack(),
        os.environ,
        date.today(),
        now_ms=time.time_ns() // 1_000_000,
        is_preview=pulumi.runtime.is_dry_run(),
    )
    plan = planned(request)
    for warning in plan.warnings:
        pulumi.log.warn(warning.render(with_severity=False))
    for waived in plan.waived:
        pulumi.log.info(waived.render())
    aliases = followed_aliases(plan.sizings, offline=is_offline(os.environ))
    for line in (*aliases, *planned_amounts(plan.sizings), *plan.rollouts):
        pulumi.log.info(line)
    for line in plan.stopped_rollouts:
        pulumi.log.warn(line)
    with bulk_declaration():
        fleet = Fleet(plan)
    pulumi.export("endpoints", fleet.summary)


def planned(request: PlanRequest) -> Plan:
    """Return the plan. Errors: RunError, which engines print without a traceback, with every problem."""
    plan = plan_stack(request)
    if isinstance(plan, Refused):
        if plan.checked.errors:
            note_refusal(os.environ)
        raise pulumi.RunError(refusal(plan)) from plan.error
    return plan


def end_quietly_when_called_off() -> None:
    """Treat the engine's SIGINT as the end of the program, without a traceback below the error that caused it.

    The Pulumi CLI interrupts the program when a step has failed. A program with a handler of its own keeps it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda number, frame: sys.exit(128 + number))
