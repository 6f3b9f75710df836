"""Tables that print as text, HTML and LaTeX."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import pandas as pd

from limeform.errors import OptionError
from limeform.tables.latex import latex_row, latex_text


@dataclass(frozen=True, eq=False)
class Table:
    """A table with notes.

    Attributes
    ----------
    frame : DataFrame
        The numbers.
    cells : DataFrame
        The same as text, as it is printed.
    title : str
        Heading.
    notes : tuple of str
        Sentences below it.
    rules : tuple of int
        Rows that a line stands above.
    """

    frame: pd.DataFrame
    cells: pd.DataFrame
    title: str
    notes: tuple[str, ...] = ()
    rules: tuple[int, ...] = ()

    def as_text(self) -> str:
        """Return the table in columns of plain text."""
        stubs = [str(label) for label in self.cells.index]
        first = max([len(stub) for stub in stubs], default=0)
        columns = [[str(name), *map(str, self.cells.iloc[:, j])] for j, name in enumerate(self.cells.columns)]
        widths = [max(map(len, column)) for column in columns]
        rows = [
            "  ".join([stub.ljust(first), *(column[i].rjust(w) for column, w in zip(columns, widths, strict=True))])
            for i, stub in enumerate(["", *stubs])
        ]
        length = max(map(len, rows))
        lines = [self.title.center(length).rstrip(), "=" * length, rows[0], "-" * length]
        for i, row in enumerate(rows[1:]):
            lines += ["-" * length] if i in self.rules and i else []
            lines.append(row.rstrip())
        return "\n".join([*lines, "=" * length, *self._numbered()])

    def as_html(self) -> str:
        """Return the table as HTML."""
        head = "".join(f"<th>{html.escape(str(name))}</th>" for name in self.cells.columns)
        body = []
        for i, (label, *row) in enumerate(self.cells.itertuples()):
            line = ' style="border-top: 1px solid"' if i in self.rules and i else ""
            values = "".join(f'<td style="text-align: right">{html.escape(str(cell))}</td>' for cell in row)
            body.append(f'<tr{line}><th style="text-align: left">{html.escape(str(label))}</th>{values}</tr>')
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self._numbered())
        return (
            f"<table><caption>{html.escape(self.title)}</caption><thead><tr><th></th>{head}</tr></thead>"
            f"<tbody>{''.join(body)}</tbody></table>{notes}"
        )

    def as_latex(self) -> str:
        """Return the table as LaTeX, with the rules of the package booktabs."""
        lines = [r"\begin{tabular}{l" + "r" * self.cells.shape[1] + "}", r"\toprule"]
        lines += [latex_row(["", *self.cells.columns]), r"\midrule"]
        for i, (label, *row) in enumerate(self.cells.itertuples()):
            lines += [r"\midrule"] if i in self.rules and i else []
            lines.append(latex_row([label, *row]))
        lines += [r"\bottomrule"]
        width = self.cells.shape[1] + 1
        lines += [rf"\multicolumn{{{width}}}{{l}}{{\footnotesize {latex_text(note)}}} \\" for note in self._numbered()]
        return "\n".join([*lines, r"\end{tabular}"])

    def as_great_table(self) -> Any:
        """Return the table as a ``great_tables.GT``, to be styled further.

        Raises
        ------
        OptionError
            If great-tables is not installed.
        """
        try:
            from great_tables import GT
        except ImportError as error:
            raise OptionError("as_great_table needs the package great-tables: pip install great-tables") from error
        table = GT(self.cells.reset_index(names=""), rowname_col="").tab_header(title=self.title)
        for note in self.notes:
            table = table.tab_source_note(note)
        return table

    def _numbered(self) -> list[str]:
        return [f"[{i}] {note}" for i, note in enumerate(self.notes, 1)]

    def _repr_html_(self) -> str:
        return self.as_html()

    def __str__(self) -> str:
        """Return the table as text."""
        return self.as_text()

    __repr__ = __str__
