"""A program that starts as `bandplan` does, with commands that show what their process is: in a warm process or not."""

import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

C_LIBRARY = 0b11 << 31
"""Signals 32 and 33, which no program can use."""


def main() -> None:
    from bandplan.cli import start
    from bandplan.cli.warm import client

    folder = str(Path(__file__).parent)
    start.run_here = run
    client.program = lambda: f"import sys; sys.path.insert(0, {folder!r}); import warm_probe; warm_probe.serve()"
    sys.exit(start.main())


def serve() -> None:
    from bandplan.cli.warm.__main__ import main

    main(prepare=lambda: None, run_command=run)


def run() -> int:
    match sys.argv[1:]:
        case ["describe", *_]:
            print(json.dumps(description()))
        case ["exit", status]:
            return int(status)
        case ["die", number]:
            os.kill(os.getpid(), int(number))
            time.sleep(60)
        case ["raise"]:
            raise RuntimeError("as if something were wrong")
        case ["leave", text]:
            sys.exit(text)
        case ["ask"]:
            print("hello " + input("name? "))
        case ["copy"]:
            sys.stdout.write(sys.stdin.read())
        case ["unfinished"]:
            import atexit

            atexit.register(lambda: print("at exit"))
            print("main", end=" ")
            threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
        case ["hear", *names]:
            hear([signal.Signals[name] for name in names])
    return 0


def hear(numbers: list[signal.Signals]) -> None:
    """Print the process, then each signal that arrives, for two minutes or until SIGTERM."""
    for number in numbers:
        signal.signal(number, lambda heard, _: print(signal.Signals(heard).name, flush=True))
    print(f"pid {os.getpid()} parent {os.getppid()}", flush=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        time.sleep(0.02)


def description() -> dict[str, object]:
    """Describe everything that a process has from its start, except its number."""
    main = sys.modules["__main__"]
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return {
        "arguments": sys.argv,
        "file": main.__file__,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "umask": status["Umask"],
        "signals": {name: int(status[name], 16) & ~C_LIBRARY for name in ("SigIgn", "SigBlk", "SigCgt")},
        "handlers": {number: str(signal.getsignal(number)).split(" at ")[0] for number in (1, 2, 13, 15, 17, 28)},
        "files": {
            number: os.readlink(f"/proc/self/fd/{number}")
            for number in map(int, os.listdir("/proc/self/fd"))
            if os.path.exists(f"/proc/self/fd/{number}")
        },
        "streams": [stream_of(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "session": os.getsid(0),
        "is in front": terminal_group() == os.getpgrp(),
        "limits": [resource.getrlimit(kind) for kind in range(10)],
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "path": sys.path,
        "executable": [sys.executable, sys.prefix, sys.orig_argv[1:]],
        "time zone": time.localtime(0)[:5],
        "encoding": [sys.getfilesystemencoding(), sys.getdefaultencoding()],
        "threads": threading.active_count(),
        "width": width(),
    }


def stream_of(stream: object) -> object:
    if stream is None:
        return None
    names = ("name", "mode", "encoding", "errors", "line_buffering", "write_through", "newlines")
    return {**{name: getattr(stream, name) for name in names}, "terminal": stream.isatty()}  # type: ignore[attr-defined]


def terminal_group() -> int:
    try:
        return os.tcgetpgrp(0)
    except OSError:
        return 0


def width() -> int:
    try:
        return os.get_terminal_size(0).columns
    except OSError:
        return 0


if __name__ == "__main__":
    main()
