"""An id that lasts, an incarnation that grows, and storage that fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from perdure import BadConnectionId, FileIdentity, IdentityWarning, MemoryIdentity, wire
from perdure.identity import CHANCE_BITS
from perdure.wire import connection_id


def test_each_start_is_another_life_under_the_same_id(tmp_path: Path) -> None:
    for source in (MemoryIdentity(), FileIdentity(tmp_path / "me")):
        first, second = source.start(), source.start()
        assert first.connection_id == second.connection_id == connection_id(first.connection_id)
        assert [one.incarnation >> CHANCE_BITS for one in (first, second)] == [1, 2]


def test_copies_of_one_identity_have_incarnations_of_their_own(tmp_path: Path) -> None:
    FileIdentity(tmp_path / "me").start()
    copies = [tmp_path / f"copy {n}" for n in range(50)]
    for copy in copies:
        copy.write_bytes((tmp_path / "me").read_bytes())
    lives = {FileIdentity(copy).start().incarnation for copy in copies}
    assert len(lives) >= 49  # one chance in a million for each pair
    assert {life >> CHANCE_BITS for life in lives} == {2}
    assert all(wire.parse_pair(f"{life}.1") for life in lives)


def test_a_file_outlives_the_program(tmp_path: Path) -> None:
    before = FileIdentity(tmp_path / "me").start()
    after = FileIdentity(tmp_path / "me").start()
    assert after.connection_id == before.connection_id
    assert after.incarnation > before.incarnation
    assert [path.name for path in tmp_path.iterdir()] == ["me"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "nonsense",
        '{"connection_id": "cid-1", "incarnation": 1}',
        "[1]",
        pytest.param("[" * 100_000, id="nested"),
    ],
)
def test_a_file_that_holds_no_identity_is_replaced_and_said_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "me"
    path.write_text(text)
    with pytest.warns(IdentityWarning, match="starts under a new id"):
        identity = FileIdentity(path).start()
    assert FileIdentity(path).start().connection_id == identity.connection_id


@pytest.mark.parametrize("incarnation", ["0", "-1", '"1"', "1.5", "true", "9007199254740991"])
def test_an_incarnation_is_a_positive_number_with_later_ones(tmp_path: Path, incarnation: str) -> None:
    path = tmp_path / "me"
    cid = MemoryIdentity().start().connection_id
    path.write_text(f'{{"connection_id": "{cid}", "incarnation": {incarnation}}}')
    with pytest.warns(IdentityWarning):
        FileIdentity(path).start()


def test_where_nothing_can_be_kept_the_id_serves_in_memory(tmp_path: Path) -> None:
    source = FileIdentity(tmp_path / "missing" / "me")
    with pytest.warns(IdentityWarning, match="lost with this program"):
        first = source.start()
    with pytest.warns(IdentityWarning, match="lost with this program"):
        second = source.start()
    assert first.connection_id == second.connection_id
    assert second.incarnation > first.incarnation


def test_an_id_that_is_given_must_be_one() -> None:
    assert MemoryIdentity("CID-0123ABCD-0123-4567-89AB-0123456789AB").start().connection_id.islower()
    with pytest.raises(BadConnectionId):
        MemoryIdentity("me")
