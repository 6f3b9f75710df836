"""A printed summary: statsmodels' tables as text; as HTML and LaTeX with all text escaped."""

from __future__ import annotations

import html
from collections.abc import Sequence

from statsmodels.iolib.summary import Summary
from statsmodels.iolib.table import SimpleTable

from limeform.tables.latex import latex_row, latex_text


class FitSummary(Summary):  # type: ignore[misc]
    """Tables and notes; statsmodels' own HTML leaves ``<`` as it is, and its LaTeX ``~`` and ``^``."""

    def as_html(self) -> str:
        """Return tables and notes as HTML, for notebooks."""
        tables = [_html_table(table, first=i == 0) for i, table in enumerate(self.tables)]
        return "\n".join([*tables, *(f"<p>{html.escape(line)}</p>" for line in self._lines())])

    def as_latex(self) -> str:
        """Return tables and notes as LaTeX, with the rules of the package booktabs."""
        parts = [r"\begin{center}"]
        for i, table in enumerate(self.tables):
            parts += [r"\par\medskip"] if i else []
            parts += [rf"\textbf{{{latex_text(table.title)}}}\par\smallskip"] if table.title else []
            parts.append(_latex_table(table))
        lines = [rf"\noindent {latex_text(line)}\par" for line in self._lines()]
        notes = [r"{\footnotesize", *lines, "}"] if lines else []
        return "\n".join([*parts, r"\end{center}", *notes])

    def _lines(self) -> list[str]:
        return str(self.extra_txt).splitlines() if self.extra_txt else []


def _cells(table: SimpleTable) -> tuple[list[list[str]], list[list[str]]]:
    """Return heading rows and other rows as text."""
    rows = [(row.datatype == "header", [str(cell.data).strip() for cell in row]) for row in table]
    return [row for heading, row in rows if heading], [row for heading, row in rows if not heading]


def _html_table(table: SimpleTable, first: bool) -> str:
    """Return a table whose first column, and in the first table its third, holds names."""
    heading, rows = _cells(table)
    lines = [_html_row(row, range(len(row))) for row in heading]
    lines += [_html_row(row, (0, 2) if first else (0,)) for row in rows]
    caption = f"<caption>{html.escape(str(table.title))}</caption>" if table.title else ""
    return "\n".join(['<table class="simpletable">', caption, *lines, "</table>"])


def _html_row(row: Sequence[str], names: Sequence[int]) -> str:
    cells = [
        f'<th style="text-align: left">{html.escape(text)}</th>'
        if i in names
        else f'<td style="text-align: right">{html.escape(text)}</td>'
        for i, text in enumerate(row)
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _latex_table(table: SimpleTable) -> str:
    heading, rows = _cells(table)
    columns = max(map(len, [*heading, *rows]))
    align = "lrlr" if columns == 4 and not heading else "l" + "r" * (columns - 1)
    lines = [rf"\begin{{tabular}}{{{align}}}", r"\toprule"]
    if heading:
        lines += [*map(latex_row, heading), r"\midrule"]
    return "\n".join([*lines, *map(latex_row, rows), r"\bottomrule", r"\end{tabular}"])
