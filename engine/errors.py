"""Errors whose message is one sentence for the person at the screen.

Every message says what was expected, what was found, and where. Pages print it as it is.
"""


class ScenaristError(Exception):
    """Base of every error the project raises on purpose."""


class MarketDataError(ScenaristError, ValueError):
    """Market data that cannot be used: a file, a column, a row, or an array of the wrong shape."""


class SettingsError(ScenaristError, ValueError):
    """A setting outside its range, of the wrong type, or unknown."""


class CheckpointError(ScenaristError):
    """A checkpoint that is missing, truncated, hostile, or of another format."""


class JobError(ScenaristError):
    """A background job that cannot be started, found, or signalled."""
