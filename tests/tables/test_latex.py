"""LaTeX and HTML of summaries and tables: everything escaped, and LaTeX runs where it is installed."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from limeform.tables.latex import latex_text
from tests.fit.dose_data import FORMULA, dose_data

HARD = r"a_b & 5% <c> #1 ~x^2 {$y} \z|w"


@pytest.fixture(scope="module")
def fits() -> list[lf.LMMResults]:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({HARD: rng.normal(size=60), "y": rng.normal(size=60), "[g]": np.repeat(list("abcdef"), 10)})
    held = [lf.increasing("dose"), lf.concave("dose"), lf.passes("dose", at=0, value=0)]
    priors = [lf.normal("dose", mean=0, sd=0.1, derivative=3)]
    return [
        lf.lmm(f"y ~ `{HARD}` + (1 | `[g]`)", data, trim=lf.Trimming(0.1, starts=1)).fit(),
        lf.lmm(FORMULA, dose_data(), se="se", constraints=held, priors=priors, trim=0.1).fit(),
        lf.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", lf.datasets.penicillin()).fit(),
        lf.lmm("y ~ 1", {"y": rng.normal(size=9), "se": np.full(9, 0.1)}, se="se").fit(),
    ]


def test_signs() -> None:
    assert latex_text(HARD) == (
        r"a\_b \& 5\% $<$c$>$ \#1 \textasciitilde{}x\textasciicircum{}2 \{\$y\} \textbackslash{}z$|$w"
    )
    assert latex_text("[1] -0.5, x-1, I² = τ") == r"{[}1] $-$0.5, x-1, I$^2$ = $\tau$"


def test_html_is_escaped(fits: list[lf.LMMResults]) -> None:
    for text in (fits[0].summary().as_html(), lf.table(*fits).as_html()):
        assert "a_b &amp; 5% &lt;c&gt; #1" in text
        assert "<c>" not in text
        assert text.count("<table") == text.count("</table>")
        assert text.count("<tr") == text.count("</tr>")
    html = fits[1].summary().as_html()
    assert all(f"<caption>{title}</caption>" in html for title in ("Active constraints", "Priors"))


def test_text_html_and_latex_hold_the_same(fits: list[lf.LMMResults]) -> None:
    summary = fits[2].summary()
    for name in ("plate", "sample", "Variance components", "-165.4303", "Intercept"):
        assert name in str(summary)
        assert name in summary.as_html()
        assert latex_text(name) in summary.as_latex()


def test_table_of_all_kinds(fits: list[lf.LMMResults]) -> None:
    found = lf.table(*fits)
    assert "nan" not in str(found)
    assert found.cells.loc["Trimmed"].tolist() == [str(fit.nobs - fit.n_kept) for fit in fits]
    assert "No bracket: an active constraint involves the parameter" in str(found)
    assert "Trimmed" not in lf.table(fits[2]).cells.index


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_runs(fits: list[lf.LMMResults], tmp_path: Path) -> None:
    parts = [lf.table(*fits).as_latex(), lf.table(*fits, beside="ci", names=["[a]", "*", "50%", "~"]).as_latex()]
    parts += [fit.summary().as_latex() for fit in fits]
    parts.append(lf.compare(fits[3], fits[3]).as_latex())
    parts.append(fits[0].bootstrap(10, rng=1).summary().as_latex())
    body = "\n\n\\bigskip\n".join(parts)
    head = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    (tmp_path / "all.tex").write_text(f"{head}\n{body}\n\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, errors="replace")
    assert run.returncode == 0, run.stdout[-2000:]
    assert "Missing character" not in run.stdout
