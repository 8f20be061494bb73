"""The targets of the guided fuzzing hold for their seeds, and each can be broken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perdure import sse
from perdure.testing.data.framing import SplitsAtChunks

from tests.fuzz import __main__ as command
from tests.fuzz import targets
from tests.fuzz.targets import TARGETS, seeds_of

FIRST = {target: seeds_of(target)[0] for target in TARGETS}


@pytest.mark.parametrize("target", TARGETS)
@settings(deadline=None)
@given(data=st.data())
def test_a_target_holds_for_its_seeds_and_what_is_near_them(target: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(seeds_of(target)))
    at, size = data.draw(st.integers(0, len(seed))), data.draw(st.integers(0, 8))
    noise = data.draw(st.binary(max_size=8) | st.sampled_from([b"\r", b"\n\n", b":", b"1e999", b"\xff"]))
    TARGETS[target](seed)
    TARGETS[target](seed[:at] + noise + seed[at + size :])


def raising(*_args: Any, **_more: Any) -> Any:
    raise LookupError


def all_of(target: str) -> None:
    """The target's seeds, with line ends of two bytes too, cut in several ways: the last byte says how."""
    for seed in seeds_of(target):
        for text in (seed, seed.replace(b"\n", b"\r\n")):
            for padding in (b"", b"x", b"\0"):
                TARGETS[target](text + padding)


@pytest.mark.parametrize(
    ("target", "name", "wrong"),
    [
        ("framing", "Parser", SplitsAtChunks),
        ("framing", "encode", lambda data, **_: sse.encode(data + "x")),
        ("names", "own_cursor", lambda *_: ("chat", None)),
        ("bodies", "parsed", lambda _raw, kind, _limits: kind.model_construct(cid="")),
        ("events", "welcome_of", raising),
        ("events", "input_of", raising),
        ("answers", "retry_after", lambda _: -1.0),
        ("answers", "problem_detail", raising),
        ("records", "record_of", raising),
    ],
)
def test_a_target_whose_reader_is_wrong_is_broken(
    monkeypatch: pytest.MonkeyPatch, target: str, name: str, wrong: Any
) -> None:
    monkeypatch.setattr(targets, name, wrong)
    with pytest.raises((AssertionError, LookupError, AttributeError, ValueError)):
        all_of(target)


def test_a_followed_stream_that_is_read_wrongly_breaks_its_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.states.frame_of", raising)
    with pytest.raises(LookupError):
        TARGETS["states"](FIRST["states"])


def test_what_libfuzzer_says_at_its_end_is_read_and_silence_is_no_success() -> None:
    said = "#12\tNEW    cov: 53 ft: 65\nDone 35216 runs in 5 second(s)"
    assert command.figures(said) == ["35,216 inputs in 5 s", "53 branches reached"]
    with pytest.raises(ValueError, match="has not said"):
        command.figures("INFO: Seed: 1")
