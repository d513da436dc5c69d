"""One query's tokens: what the engine itself counts replaces what was counted on the way, in every sum."""

import pytest

from bandplan.stub.api.queries.passage import Passage
from bandplan.stub.capacity.history import History
from bandplan.stub.capacity.journal import Journal

NOW = 1_000_000.0


@pytest.mark.parametrize("status", [400, 429, 503])
def test_prompt_of_a_refused_query_is_in_no_sum_of_what_was_processed(status: int) -> None:
    journal, history = Journal(), History()
    passage = Passage(journal.begin("a", "e", NOW), journal, history, lambda: NOW)
    passage.take_prompt(300_000)
    passage.end(status)
    assert (history.last_minute(NOW).tokens, passage.tokens) == (0, 0)
    assert passage.entry.input_tokens == 300_000  # the journal says what was sent


@pytest.mark.parametrize("is_delivered", [True, False])
@pytest.mark.parametrize("more", [(3, 2), (-4, -1)])
def test_count_of_the_engine_is_in_the_journal_and_in_the_history(more: tuple[int, int], is_delivered: bool) -> None:
    journal, history = Journal(), History()
    passage = Passage(journal.begin("a", "e", NOW), journal, history, lambda: NOW)
    passage.take_prompt(10)
    if is_delivered:
        passage.deliver(5, 0.0)
        passage.correct(*more)
    else:  # an embedding has no tokens to deliver
        passage.correct(more[0], 0)
    passage.end(200)
    expected = (10 + more[0], 5 + more[1] if is_delivered else 0)
    minute = history.last_minute(NOW)
    assert (passage.entry.input_tokens, passage.entry.output_tokens) == expected
    assert (minute.input_tokens, minute.output_tokens) == expected
