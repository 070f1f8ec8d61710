"""The errors that tutti raises on purpose.

Every message is one sentence a user can act on: what is wrong, which value, what is allowed, what to do.
"""


class TuttiError(Exception):
    """Root of all errors that tutti raises on purpose; commands print it without a traceback."""


class ParameterError(TuttiError):
    """A value in ``params.yaml`` or on the command line is unknown, of a wrong type or out of range."""


class UnknownNameError(ParameterError):
    """A name is not among the registered ones (instrument, feature, architecture, adapter)."""


class DataError(TuttiError):
    """An input file or folder is missing, unreadable or does not hold what it should."""


class LeakError(DataError):
    """One source serves two sides of a split, which would make every score on it false."""


class SetupError(TuttiError):
    """A program, library or sound bank that tutti needs is not installed."""
