"""Colours and text sizes that all pictures share.

The colours are those of Okabe and Ito (2008), Color Universal Design, which readers with any kind of colour blindness
can tell apart; in every picture they differ in lightness or shape as well.
"""

from __future__ import annotations

DATA = "#0072B2"  # blue: what was observed
MODEL = "#D55E00"  # vermillion: what the model says
FITTED = "#E69F00"  # orange: fitted values beside the data
BAND = "#9CC7E0"  # a light blue: intervals so close that they form a band
REFERENCE = "#555555"
LINE = "#999999"
BANDS = ("#F7F7F7", "#E2E2E2", "#CBCBCB")

SMALLEST_TEXT = 5.0
"""Points; journals ask for no less (Nature: 5 to 7 points)."""


def text_size() -> float:
    """Return the size of text in pictures in points: nine tenths of the user's ``font.size``."""
    from matplotlib import rcParams

    return 0.9 * float(rcParams["font.size"])
