"""What a chart or a step over its table can be refused for: each error names the culprit and the remedy."""

from __future__ import annotations


class ChartError(ValueError):
    """A chart, or a question put to its table, is wrong; the message says what to do next."""


class MeaningError(ChartError):
    """The docstring of a chart does not say what a name means, says it twice, or says it of no one."""


class UnsupportedFeatureError(ChartError):
    """A feature of python-statemachine that has no place in a table."""


class UnknownNameError(ChartError):
    """A guard, action or hook by a name that nothing declares or nothing calls: usually misspelt."""


class DeadRowError(ChartError):
    """A transition that can never be taken, because earlier ones take every case."""


class UnknownStateError(ChartError, LookupError):
    """A step from a state that the chart does not have."""


class UnknownEventError(ChartError, LookupError):
    """A step for an event that the chart does not have."""


class MissingFactError(ChartError, LookupError):
    """A step that has to read a guard whose fact was not given."""
