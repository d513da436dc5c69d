"""Ctrl-C that the interpreter drops, as it does where code in another language calls Python."""

import subprocess
import sys

PROGRAM = """
import os, signal, sys, threading
from bandplan.cli import main

class Dropping:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)  # its exception cannot leave this method

def run(argv):
    Dropping()
    threading.Event().wait(60)
    return 0

main.run = run
sys.exit(main.main([]))
"""


def test_dropped_interruption_ends_the_command_without_a_traceback() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "interrupted\n")


def test_interruption_that_became_another_error_ends_the_command_without_a_traceback() -> None:
    said = 'Error building "model" validator: SchemaError: Field "grants": KeyboardInterrupt: '
    program = PROGRAM.replace("    Dropping()", f"    raise RuntimeError({said!r})")
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "interrupted\n")


def test_other_exceptions_that_are_dropped_are_reported_as_before() -> None:
    program = PROGRAM.replace("os.kill(os.getpid(), signal.SIGINT)", "raise ValueError('odd')").replace("(60)", "(0)")
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0 and "ValueError: odd" in ran.stderr
