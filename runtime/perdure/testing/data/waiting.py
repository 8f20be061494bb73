"""P-CLASS and P-SPACED: what a status says of a request, and how long to wait after one that failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import NamedTuple

from hypothesis import strategies as st
from perdure_model.core import common

from perdure import answers
from perdure.testing.data.property import DataDefect, instead, states

# -- statuses ------------------------------------------------------------------------------------------

PASSING = {0, 408, 425, 429, *range(500, 600)}
ASKS_FOR_MORE = {401, 409}
"""Another credential, or another stream, may do: each has a class of its own."""


def is_final(status: int) -> bool:
    """Asking again is of no use."""
    return status >= 300 and status not in PASSING | ASKS_FOR_MORE


@states("P-CLASS", st.just(0) | st.integers(100, 599), is_final, PASSING.__contains__)
def a_status_has_one_class(status: int) -> bool:
    """2xx is taken; 408, 425, 429, 5xx and no answer pass; 401 and 409 ask for more; all else is final."""
    said = common.classify(status)
    if 200 <= status < 300:
        return said == "taken"
    if status in ASKS_FOR_MORE:
        return said not in ("taken", "passing")
    return said == ("passing" if status in PASSING else "final")


# -- waits ---------------------------------------------------------------------------------------------


class Wait(NamedTuple):
    """What a wait is made of: tries so far, the first wait and the cap, chance, and Retry-After."""

    tries: int
    first_s: float
    cap_s: float
    chance: float
    asked_s: float | None


SECONDS = st.integers(0, 100).map(float) | st.floats(0.001, 1e4)
WAITS = st.builds(
    Wait,
    st.integers(1, 12) | st.integers(1, 10**6),
    SECONDS,
    SECONDS,
    st.sampled_from([0.0, 0.5, 0.999]) | st.floats(0, 1, exclude_max=True),
    st.none() | SECONDS,
)


def doubled_s(wait: Wait) -> float:
    """The first wait, doubled for each try after the first, until it reaches the cap."""
    seconds = wait.first_s
    for _ in range(1, wait.tries):
        if seconds >= wait.cap_s or seconds == 0:
            break
        seconds *= 2
    return min(seconds, wait.cap_s)


def is_capped(wait: Wait) -> bool:
    """The cap is what bounds it."""
    return wait.tries > 2 and 0 < wait.first_s < wait.cap_s < wait.first_s * 2.0 ** min(wait.tries - 1, 30)


def is_lengthened(wait: Wait) -> bool:
    """The server asked for more than it would be."""
    return wait.asked_s is not None and wait.asked_s > wait.cap_s


@states("P-SPACED", WAITS, is_capped, is_lengthened)
def a_reconnect_waits_with_full_jitter(wait: Wait) -> bool:
    """The wait before a reconnect doubles up to its cap, times chance; Retry-After only lengthens it."""
    return near(common.backoff_s(*wait), max(wait.chance * doubled_s(wait), wait.asked_s or 0.0))


@states("P-SPACED", WAITS, is_capped, is_lengthened)
def a_send_waits_at_least_its_backoff(wait: Wait) -> bool:
    """A send waits its backoff and up to a quarter more between two attempts; Retry-After only lengthens."""
    waited, least, asked = common.spaced_s(*wait), doubled_s(wait), wait.asked_s or 0.0
    return waited == asked >= least or max(least, asked) * (1 - 1e-9) <= waited <= least * 1.25 + 1e-9


def near(a: float, b: float) -> bool:
    """Equal but for rounding."""
    return abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))


# -- Retry-After ---------------------------------------------------------------------------------------

ZONES = st.sampled_from(["GMT", "+0000", "-0000", "+0130", "", "+99999999999", "XYZ"])
DATES = st.builds(
    "{}, {:02} {} {} {:02}:{:02}:{:02} {}".format,
    st.sampled_from(["Mon", "Tuesday", ""]),
    st.integers(0, 32),
    st.sampled_from(["Jan", "Feb", "Foo"]),
    st.sampled_from([0, 1, 99, 1970, 2026, 9999, 10000]),
    st.integers(0, 25),
    st.integers(0, 60),
    st.integers(0, 61),
    ZONES,
)
NUMBERS = st.integers(0, 10**20).map(str) | st.sampled_from(
    ["", "-1", "+1", "1.5", "1e3", "\u0663", "1 ", "inf", "nan"]
)
HEADERS = st.text(max_size=8) | NUMBERS | DATES


@states("P-SPACED", HEADERS, str.isdecimal, lambda text: "Jan" in text)
def any_retry_after_can_be_read(text: str) -> bool:
    """Retry-After, whatever it says, is a wait of 0 s to a day, or none; digits are its seconds."""
    try:
        read = answers.retry_after({"retry-after": text})
    except Exception:  # whatever a server says, it is no reason to crash
        return False
    if text.strip().isascii() and text.strip().isdigit():
        return read == min(int(text), 86_400)
    return read is None or 0 <= read <= 86_400


ZONED = st.tuples(st.integers(-100_000, 100_000), st.sampled_from([UTC, None, timezone(timedelta(hours=-5))]))


@states("P-SPACED", ZONED, lambda case: 0 < case[0] < 86_400, lambda case: case[1] is None)
def a_date_is_waited_for(case: tuple[int, timezone | None]) -> bool:
    """A Retry-After that is a date, of any zone, is the wait until then; one of no zone is in UTC."""
    seconds, zone = case
    when = datetime.now(UTC) + timedelta(seconds=seconds)
    text = format_datetime(when.astimezone(zone) if zone else when.replace(tzinfo=None))
    read = answers.retry_after({"retry-after": text})
    return read is not None and abs(read - min(max(seconds, 0), 86_400)) < 60  # the clock goes on meanwhile


# -- defects -------------------------------------------------------------------------------------------


def passing_if_unknown(status: int) -> str:
    """The class of a status; what nothing is at, may be there later."""
    return "passing" if status == 404 else _classify(status)


_classify = common.classify


PROPERTIES = (
    a_status_has_one_class,
    a_reconnect_waits_with_full_jitter,
    a_send_waits_at_least_its_backoff,
    any_retry_after_can_be_read,
    a_date_is_waited_for,
)
DEFECTS = (
    DataDefect(
        "T15b",
        "a request that the server will never take (404) is made again and again",
        "P-CLASS",
        instead(common, classify=passing_if_unknown),
    ),
)
