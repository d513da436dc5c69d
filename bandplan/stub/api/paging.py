"""Pages of a list: a page token is the number of rows already returned."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid

Row = TypeVar("Row")


def page(key: str, rows: Sequence[Row], show: Callable[[Row], Json], max_results: object, page_token: object) -> Json:
    """Return one page of rows under `key`, with `next_page_token` while there are more.

    Without `max_results`, the page has all rows. Both arguments are as the client sent them: strings of digits, numbers
    or nothing. Raises Invalid.
    """
    limit, start = str(max_results or "0"), str(page_token or "0")
    if not all(text.isascii() and text.isdigit() and len(text) <= 18 for text in (limit, start)):
        raise Invalid("max_results, page_token: must be an integer and the next_page_token of the previous page.")
    end = int(start) + (int(limit) or len(rows))
    shown: Json = {key: [show(row) for row in rows[int(start) : end]]}
    if end < len(rows):
        shown["next_page_token"] = str(end)
    return shown
