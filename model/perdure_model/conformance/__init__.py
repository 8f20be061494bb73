"""Whether a recorded run is a run of the model: the decisions of a trace, replayed against the same rules.

Laws of this folder: it judges, and changes nothing; what a decision should have been only the rule says; and
what is not recorded is never held against a run, but named in the report.

A record fits if the rule, given the record's input and the parts that the records before it have left,
gives exactly the record's effects (`replay.py`); if what it was told can have come to it, a timer that runs,
the end of a request that was made (`tickets.py`, `sides.py`), and no timer's end too early (`clock.py`); and
if what a client and a server heard from each other was sent by the other one before (`joins.py`), and what a
call and its credential heard from each other, too (`callers.py`); `checking.py` puts all together. A few
records that are missing in a row are searched for (`filling.py`). What a file holds and lacks stands in
`survey.py`, a record's form in `lines.py` and `values.py`. `check.py` is what is asked from outside; it has
large files judged in shares (`shares.py`) by several processes (`processes.py`).
"""

from perdure_model.conformance.check import conform, judge
from perdure_model.conformance.lines import NoTrace
from perdure_model.conformance.report import Conformance, Damage, Mismatch

__all__ = ["Conformance", "Damage", "Mismatch", "NoTrace", "conform", "judge"]
