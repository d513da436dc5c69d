import json
from typing import Any

import pytest

from bandplan.cli.answer_stream import BrokenStream, pieces


def sse(*events: Any, done: bool = True) -> bytes:
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return ("".join(lines) + ("data: [DONE]\n\n" if done else "")).encode()


def delta(content: Any) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": content}}]}


WHOLE = sse(
    {"choices": [{"delta": {"role": "assistant"}}]},
    delta("Ein "),
    delta("Bänd"),
    {"choices": [], "usage": {"prompt_tokens": 3}},
)


@pytest.mark.parametrize("size", [1, 7, len(WHOLE)])
def test_text_and_usage_do_not_depend_on_where_the_parts_end(size: int) -> None:
    found = list(pieces(WHOLE[at : at + size] for at in range(0, len(WHOLE), size)))
    assert "".join(piece.text for piece in found) == "Ein Bänd"
    assert [piece.usage for piece in found if piece.usage] == [{"prompt_tokens": 3}]


def test_each_piece_is_yielded_before_the_next_part_is_read() -> None:
    read: list[str] = []

    def parts() -> Any:
        for word in ("a", "b"):
            read.append(word)
            yield sse(delta(word), done=False)

    assert next(pieces(parts())).text == "a"
    assert read == ["a"]


def test_completions_and_the_parts_of_reasoning_models() -> None:
    reasoned = [{"type": "reasoning", "summary": []}, {"type": "text", "text": "42"}]
    body = sse(
        {"choices": [{"text": "x = "}]},
        delta(reasoned),
        delta(None),
        {"choices": "odd"},
        delta([{"type": "text", "text": 3}]),
    )
    assert "".join(piece.text for piece in pieces([body])) == "x = 42"


BROKEN = {
    "ended early": (sse(delta("a"), done=False), "ended early"),
    "nothing at all": (b"", "ended early"),
    "no JSON": (b"data: {\n\n", "not JSON"),
    "no object": (b"data: [1]\n\n", "not an object"),
    "an error of the server": (sse({"error": {"message": "GPU lost"}}), "error: GPU lost"),
    "an error of the platform": (sse({"error_code": "INTERNAL", "message": "gone"}), "error: gone"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_stream_says_what_is_wrong(name: str) -> None:
    body, said = BROKEN[name]
    with pytest.raises(BrokenStream, match=said):
        list(pieces([body]))
