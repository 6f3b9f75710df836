"""Tables that print as text, HTML and LaTeX, with all text escaped."""

from limeform.tables.latex import latex_row, latex_text
from limeform.tables.summary import FitSummary
from limeform.tables.table import Table

__all__ = ["FitSummary", "Table", "latex_row", "latex_text"]
