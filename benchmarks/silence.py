"""The longest silence of commands on a terminal, with delays injected: `python -m benchmarks.silence [COMMAND ...]`.

Each command runs in a fresh project on a pseudo-terminal of 80 columns. The workspace of the stack `dev` takes seconds
for each answer. Exit status 1 if a command printed nothing for longer than LIMIT_SECONDS, its start included.
"""

import json
import os
import pty
import select
import subprocess
import sys
import tempfile
import termios
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DELAY_SECONDS, LIMIT_SECONDS, MOST_SECONDS = 2.5, 1.3, 90.0
COMMANDS = tuple(sys.argv[1:]) or (
    "up", "preview", "preview --json", "check", "validate", "size support-chat", "drift", "doctor", "stub stop",
    "stub start",
    "auth --stack dev", "validate --stack dev --refresh", "drift --stack dev", "adopt --stack dev",
    "preview --stack dev --engine embedded", "doctor --stack dev", "destroy", "stub stop",
)  # fmt: skip
ANSWERS = {
    b"\x1b]11;?": b"\x1b]11;rgb:0000/0000/0000\x1b\\",
    b"\x1b]10;?": b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
    b"\x1b[6n": b"\x1b[1;1R",
}
"""What a terminal answers to `pulumi`, which asks for its colours and waits 5 s for them."""


class Slow(BaseHTTPRequestHandler):
    """A workspace that thinks about every question."""

    def do_GET(self) -> None:
        time.sleep(DELAY_SECONDS)
        body = json.dumps({"userName": "ann@example.com", "endpoints": []}).encode()
        self.send_response(200)
        self.send_header("X-Databricks-Org-Id", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def silence(command: list[str], folder: Path, environ: dict[str, str]) -> tuple[float, float, int]:
    """Return (longest silence, seconds in all, exit status)."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (40, 80))  # without a size, pulumi draws without end
    began = last = time.monotonic()
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environ)
    os.close(theirs)
    longest = 0.0
    while time.monotonic() < began + MOST_SECONDS:
        if not select.select([ours], [], [], 0.1)[0]:
            continue
        try:
            told = os.read(ours, 65536)
        except OSError:
            break
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        for question, answer in ANSWERS.items():
            if question in told:
                os.write(ours, answer)
    else:
        child.terminate()
        child.wait(20)
    status = child.wait()
    os.close(ours)
    return max(longest, time.monotonic() - last), time.monotonic() - began, status


def main() -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environ = {
        **os.environ,
        "TERM": "xterm-256color",
        "COLUMNS": "80",
        "BANDPLAN_WARM": "0",
        # `pulumi` draws by itself from its first event on.
        "BANDPLAN_ENGINE": os.environ.get("BANDPLAN_ENGINE", "embedded"),
        "DATABRICKS_HOST": f"http://127.0.0.1:{server.server_port}",
        "DATABRICKS_TOKEN": "slow",
    }
    bandplan = [sys.executable, "-m", "bandplan.cli.main"]
    loud = []
    with tempfile.TemporaryDirectory(prefix="bandplan-silence-") as name:
        folder = Path(name)
        subprocess.run([*bandplan, "init", "--yes", "."], cwd=folder, env=environ, check=True, capture_output=True)
        print(f"{'command':<42} {'longest silence':>16} {'in all':>9}  exit status")
        for command in COMMANDS:
            longest, whole, status = silence([*bandplan, *command.split()], folder, environ)
            print(f"{command:<42} {longest:>14.2f} s {whole:>7.1f} s  {status}", flush=True)
            loud += [command] if longest > LIMIT_SECONDS else []
    server.shutdown()
    for command in loud:
        print(f"error: {command}: silent for more than {LIMIT_SECONDS:g} s", file=sys.stderr)
    return 1 if loud else 0


if __name__ == "__main__":
    sys.exit(main())
