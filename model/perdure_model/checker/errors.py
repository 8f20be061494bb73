"""What can be wrong with a model, as errors that name the culprit and say what to do.

A violated property is no error: it is in the report.
"""


class CheckerError(ValueError):
    """Something is wrong with the model or with how it is checked, not with the protocol."""


class DeclarationError(CheckerError):
    """A system is declared in a way that has no meaning: a name twice, an unknown component."""


class FunctionError(CheckerError):
    """A function of the model does not behave as a function: the message names it and its input."""


class SymmetryError(CheckerError):
    """A declared symmetry that the model does not have, or that cannot be used."""


class EngineError(CheckerError):
    """The engine that was asked for is not there, or cannot do what was asked."""
