"""From a file as people have it to a history: the door through which market data come in.

* ``tables`` cuts bytes into cells; ``cells`` reads numbers and days; ``columns`` finds what each column is;
* ``surfaces``, ``quotes`` and ``prices`` turn one kind of file each into checked data;
* ``plausibility`` holds what was read against what markets do;
* ``result`` is what reading gives back, and what it may ask;
* ``reader`` puts them together: one function a kind, and :func:`read_any` for a file of unknown kind;
* ``templates`` are example files to download.
"""

from engine.market.intake.reader import (
    FileSketch,
    read,
    read_any,
    read_prices,
    read_quotes,
    read_sectors,
    read_series,
    read_surfaces,
    recognise,
    recognise_together,
    sketch,
)
from engine.market.intake.result import KINDS, AmbiguousColumns, Imported, no_rejections
from engine.market.intake.tables import display_name
from engine.market.intake.vocabulary import ROLES, Role

__all__ = [
    "KINDS",
    "ROLES",
    "AmbiguousColumns",
    "FileSketch",
    "Imported",
    "Role",
    "display_name",
    "no_rejections",
    "read",
    "read_any",
    "read_prices",
    "read_quotes",
    "read_sectors",
    "read_series",
    "read_surfaces",
    "recognise",
    "recognise_together",
    "sketch",
]
