"""Entry point of the installed `bandplan`: a warm process runs the command if one is there, else this process does."""

import os
import sys


def main() -> int:
    """Run the command of this process's arguments; return the exit status, also if interrupted during an import."""
    try:
        return run_somewhere()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def run_somewhere() -> int:
    """Run the command in a warm process, or here."""
    from bandplan.cli.warm.switch import BadSwitch, why_off

    try:
        if why_off(os.environ):
            return run_here()
        from bandplan.cli.warm.client import run_or_prepare

        start = run_or_prepare()
    except BadSwitch as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        return run_here()
    finally:
        # At the end, as importing everything would slow this command down.
        if start is not None:
            start()


def run_here() -> int:
    from bandplan.cli.main import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
