"""A child that answers like the one with torch, without any: `PYTHON fake_worker.py MODE DESCRIPTOR PARENT`.

Modes: `well`; `chats` has a chat template as well; `unusable`; `silent` ends while it loads; `dies` ends at the first request of its first life, and `always
dies` of every one. It echoes one token per word of the prompt, and goes on for ever if told to ignore the end.
"""

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any


def main(mode: str, descriptor: int) -> None:
    connection = socket.socket(fileno=descriptor)
    reading = connection.makefile("rb")
    writing = threading.Lock()
    cancelled: set[int] = set()

    def write(kind: str, number: int, content: Any) -> None:
        with writing:
            connection.sendall(json.dumps([kind, number, content]).encode() + b"\n")

    def generate(number: int, asked: Any) -> None:
        words = asked["text"].split() if "text" in asked else asked["messages"][-1]["content"].split()
        while asked["ignore_eos"] and number not in cancelled:
            write("tokens", 0, [[number, [" on"], None]])
            time.sleep(0.01)
        for word in words:
            write("tokens", 0, [[number, [word if asked["top_logprobs"] is None else [word, -0.5, []]], None]])
        write("tokens", 0, [[number, [], "stop"]])

    wanted = json.loads(reading.readline())[2]
    write("progress", 0, "pretending to load")
    lives = Path(wanted["weights"], "lives")
    lives.write_text((lives.read_text() if lives.exists() else "") + f"{os.getpid()}\n")
    if mode == "silent":
        os._exit(7)
    if mode == "unusable":
        write("unusable", 0, "the weights are too large; name smaller ones")
        os._exit(4)
    write(
        "ready",
        0,
        {"device": "CPU", "is_cpu": True, "dtype": "float32", "context_tokens": 64, "tokens_per_second": 5.0},
    )
    dies = mode == "always dies" or (mode == "dies" and len(lives.read_text().split()) == 1)
    for line in reading:
        kind, number, content = json.loads(line)
        if dies:
            os._exit(9)
        if kind == "cancel":
            cancelled.add(number)
            Path(wanted["weights"], "cancelled").write_text(str(number))
        elif kind == "generate":
            threading.Thread(target=generate, args=(number, content), daemon=True).start()
        elif kind == "count" and "messages" in content and mode != "chats":
            write("error", number, ["refused", "the checkpoint has no chat template"])
        elif kind == "count":
            write("value", number, len(content["text"].split()) if "text" in content else len(content["messages"]))
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
