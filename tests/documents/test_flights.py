"""What travels is matched with what arrives."""

from __future__ import annotations

from perdure_model.documents.deeds import Deed, Flag, Sign, Token
from perdure_model.documents.flights import Flight, flights

SAME = Token("wire", (1, 1))
LEFT = Token("wire", Sign(1))
CUT = Token("wire", Flag("cut", True))


def test_of_equal_things_the_first_that_was_sent_is_the_first_to_be_taken() -> None:
    done = [
        Deed(1, "sends", "client", put=[(SAME, "first")]),
        Deed(2, "sends again", "client", put=[(SAME, "second")]),
        Deed(3, "takes", "server", taken=[SAME]),
        Deed(4, "is lost", None, lost=[SAME]),
    ]
    assert flights(done) == [Flight(SAME, "first", 1, 3), Flight(SAME, "second", 2, 4, lost=True)]


def test_what_is_never_taken_is_under_way_to_the_end() -> None:
    assert flights([Deed(1, "sends", "client", put=[(SAME, None)])]) == [Flight(SAME, None, 1, None)]


def test_a_sign_is_for_the_first_other_who_acts_on_it() -> None:
    left = Deed(1, "asks", "client", put=[(LEFT, "ask")], touched={"wire"})
    other = Deed(2, "answers", "server", touched={"wire"})
    assert flights([left, other]) == [Flight(LEFT, "ask", 1, 2)]
    same = Deed(2, "asks otherwise", "client", touched={"wire"})
    assert flights([left, same, Deed(3, "answers", "server", touched={"wire"})]) == []
    assert flights([left, Deed(2, "does something else", "server", touched={"another"})]) == []


def test_a_flag_is_told_where_somebody_read_it() -> None:
    cut = Deed(1, "is cut", None, put=[(CUT, None)])
    assert flights([cut, Deed(2, "reads", "client", taken=[CUT])]) == [Flight(CUT, None, 1, 2)]
    assert flights([cut]) == []
    assert flights([cut, Deed(2, "goes", "client", lost=[CUT])]) == []
