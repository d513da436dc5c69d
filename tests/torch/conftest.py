"""The engine on real weights, on a CPU. `make test-torch` runs these tests; without torch there are none to collect."""

import asyncio
import importlib.util
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py"]

CHECKPOINTS = Path(__file__).parents[2] / "examples" / "checkpoints"

Value = TypeVar("Value")


class Loop:
    """One event loop for the whole run: an engine belongs to the loop that has started it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def run(self, work: Awaitable[Value], seconds: float = 60.0) -> Value:
        return self.loop.run_until_complete(asyncio.wait_for(work, seconds))


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.loop.close()


@pytest.fixture(scope="session")
def reference() -> Any:
    """The chat checkpoint, loaded as anybody would, to compare with."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(CHECKPOINTS / "tiny-llama", dtype=torch.float32).eval()


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(CHECKPOINTS / "tiny-llama")
