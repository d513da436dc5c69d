"""Links to the page and the sessions that they begin; pure, on a clock of the test's own."""

from bandplan.stub.api.page.sessions import LINK_SECONDS, MOST_LINKS, MOST_SESSIONS, SESSION_SECONDS, Sessions


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_link_begins_one_session_and_no_second() -> None:
    sessions = Sessions(Clock())
    code = sessions.new_link()
    session = sessions.begin(code)
    assert session is not None
    assert sessions.accepts(session.cookie, session.key)
    assert sessions.begin(code) is None


def test_link_is_valid_for_five_minutes() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    first, second = sessions.new_link(), sessions.new_link()
    clock.now += LINK_SECONDS - 1
    assert sessions.begin(first) is not None
    clock.now += 1
    assert sessions.begin(second) is None


def test_cookie_and_key_of_two_sessions_do_not_fit() -> None:
    sessions = Sessions(Clock())
    one, other = (sessions.begin(sessions.new_link()) for _ in range(2))
    assert one is not None and other is not None
    assert not sessions.accepts(one.cookie, other.key)
    assert not sessions.accepts(one.key, one.cookie)
    for cookie, key in ((one.cookie, ""), ("", one.key), ("", ""), ("x", "x"), (one.cookie, "ä" * 50)):
        assert not sessions.accepts(cookie, key)


def test_session_ends_after_its_time() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    session = sessions.begin(sessions.new_link())
    assert session is not None
    clock.now += SESSION_SECONDS - 1
    assert sessions.accepts(session.cookie, session.key)
    clock.now += 1
    assert not sessions.accepts(session.cookie, session.key)


def test_number_of_links_and_sessions_is_bounded_the_oldest_go_first() -> None:
    sessions = Sessions(Clock())
    codes = [sessions.new_link() for _ in range(MOST_LINKS + 1)]
    assert sessions.begin(codes[0]) is None
    assert sessions.begin(codes[1]) is not None
    made = [sessions.begin(sessions.new_link()) for _ in range(MOST_SESSIONS + 1)]
    assert [session is not None and sessions.accepts(session.cookie, session.key) for session in made] == [
        False,
        *[True] * MOST_SESSIONS,
    ]


def test_secrets_are_long_and_differ() -> None:
    sessions = Sessions(Clock())
    session = sessions.begin(sessions.new_link())
    assert session is not None
    assert len({session.cookie, session.key, sessions.new_link()}) == 3
    assert min(len(session.cookie), len(session.key), len(sessions.new_link())) >= 43
