"""Streams as they are on the wire."""

import json
from typing import Any

from tests.contract.target import Target


def test_stream_has_data_lines_only_and_ends_in_done(target: Target, endpoint_of: Any) -> None:
    body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 3, "stream": True}
    answer = target.send("POST", f"/serving-endpoints/{endpoint_of('chat')}/invocations", body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.body.split("\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert all(chunk["usage"]["prompt_tokens"] > 0 for chunk in chunks)
