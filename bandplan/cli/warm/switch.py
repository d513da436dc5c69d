"""Whether a command may run in a warm process."""

import os
import sys
from collections.abc import Mapping

VARIABLE = "BANDPLAN_WARM"
OFF, ON, ALWAYS = "0", "1", "always"
"""Values of the variable. `always`, for tests: also in CI and without a terminal, and wait for the process to start."""

RUNNERS = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "JENKINS_URL", "BUILDKITE", "TEAMCITY_VERSION")
"""Variables that CI systems set for their jobs."""


class BadSwitch(ValueError):
    """BANDPLAN_WARM has a value that means nothing."""


def why_off(environ: Mapping[str, str]) -> str:
    """Return why this process uses no warm one; "" if it may. Errors: BadSwitch."""
    value = environ.get(VARIABLE) or ON
    if value not in (OFF, ON, ALWAYS):
        raise BadSwitch(f"{VARIABLE}={value}: must be one of: {OFF}, {ON}, {ALWAYS}")
    if value == OFF:
        return f"{VARIABLE}={OFF}"
    if sys.platform != "linux":
        return "only on Linux"
    if value != ALWAYS:
        runner = next((name for name in RUNNERS if environ.get(name)), None)
        if runner:
            return f"{runner} is set, so this is a CI job"
        if not any(is_terminal(number) for number in range(3)):
            return "no terminal"
        if os.getsid(0) == os.getpid():
            return "the terminal's session ends with this command"  # as in `docker exec -it`
    if "PULUMI_CONFIG" in environ:
        return "started by Pulumi"  # whose SDK reads it while it is imported
    if environ.get("TRACEPARENT"):
        return "TRACEPARENT is set, so the Pulumi SDK traces its calls"  # from its import on
    return unusual_start()


def is_always(environ: Mapping[str, str]) -> bool:
    return environ.get(VARIABLE) == ALWAYS


def is_terminal(number: int) -> bool:
    """Whether the file descriptor is a terminal; a closed one is not."""
    return os.isatty(number)


def unusual_start() -> str:
    """Return why the warm process could not run as this Python does: options, a debugger, or no installation."""
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return "a debugger or profiler is active"
    option = next((argument for argument in sys.orig_argv[1:] if argument != "-P"), "")
    if sys._xoptions or (option.startswith("-") and option != "-m"):
        return "Python was started with options"
    # The first folder is that of the program, or the current one.
    if package_root() not in (sys.path if sys.flags.safe_path else sys.path[1:]):
        return "bandplan is not installed in this Python"
    return ""


def package_root() -> str:
    """Return the folder on `sys.path` that holds the package `bandplan`."""
    return os.path.abspath(__file__).removesuffix(os.path.join("bandplan", "cli", "warm", "switch.py")).rstrip(os.sep)
