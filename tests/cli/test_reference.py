from bandplan.cli.main import COMMANDS
from bandplan.cli.reference import FILE, reference


def test_page_of_the_commands_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "run `make format`"


def test_page_describes_every_command_and_every_action() -> None:
    headings = [line.lstrip("# ") for line in reference().splitlines() if line.startswith("#")]
    assert {f"bandplan {name}" for name in COMMANDS} <= set(headings)
    assert {"bandplan stub start", "bandplan stub reset", "bandplan stack export"} <= set(headings)
