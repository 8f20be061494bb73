"""Arbitrary input at every opening, found by Hypothesis, by schemathesis, and by coverage (atheris).

Law of this folder: whatever comes in, what comes out is typed: a problem document from a hub, an outcome or
an error of `perdure.errors` from a client, values or a named error from a parser. Never a status of 5xx, a
raw traceback or an endless wait; and who else is there goes on undisturbed.
"""
