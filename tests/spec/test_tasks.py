"""The table of tasks, and that no other module writes their names."""

import re
from pathlib import Path
from typing import get_args

from bandplan.serving.spec.tasks import COMPLETIONS, EMBEDDINGS, LEGACY, TASKS, Task

ROOT = Path(__file__).resolve().parents[2]
ROOMS = sorted(path.name for path in (ROOT / "bandplan").iterdir() if path.is_dir() and path.name != "policies")
TABLE = ROOT / "bandplan" / "serving" / "spec" / "tasks.py"
TABLE_OF_THE_STUB = ROOT / "bandplan" / "stub" / "state" / "registry" / "tasks.py"
A_TASK_IN_CODE = re.compile(r"""["'](?:[^"'`]* )?llm/v1/(chat|completions|embeddings)\b""")


def test_table_has_every_task_that_a_models_file_may_name() -> None:
    assert set(TASKS) == set(get_args(Task)) == {"llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"}
    assert LEGACY == COMPLETIONS
    assert [task for task, facts in TASKS.items() if facts.embeds] == [EMBEDDINGS]


def test_query_has_the_shape_of_its_task() -> None:
    assert {task: facts.body("Hello", 7) for task, facts in TASKS.items()} == {
        "llm/v1/chat": {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 7},
        "llm/v1/completions": {"prompt": "Hello", "max_tokens": 7},
        "llm/v1/embeddings": {"input": ["Hello"]},
    }


def test_no_other_module_writes_the_name_of_a_task() -> None:
    """The stub has a table of its own on purpose; the policies read properties of resources alone."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for room in ROOMS
        for path in sorted((ROOT / "bandplan" / room).rglob("*.py"))
        if path not in (TABLE, TABLE_OF_THE_STUB)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if A_TASK_IN_CODE.search(line)
    ]

    assert found == []
