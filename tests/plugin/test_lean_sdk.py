"""What the late import leaves out, and that it still comes when it is asked for."""

import subprocess
import sys

CHECK = """
import sys
from bandplan.plugin.lean_sdk import import_late
import_late()
import pulumi, pulumi.provider.experimental.provider
assert "pulumi.automation._local_workspace" not in sys.modules, "the Automation API was loaded"
assert "dill._dill" not in sys.modules, "dill was loaded"
assert pulumi.automation.LocalWorkspace is not None
import dill
assert dill.loads(dill.dumps([1])) == [1]
"""


def test_automation_api_and_dill_load_when_first_used_and_not_before() -> None:
    done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_a_call_after_the_sdk_is_loaded_changes_nothing() -> None:
    check = "import pulumi, sys; from bandplan.plugin.lean_sdk import import_late; n = len(sys.meta_path); import_late(); assert len(sys.meta_path) == n"

    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
