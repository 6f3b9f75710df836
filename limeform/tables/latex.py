"""Plain text as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

SIGNS = (
    {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\n": " "}
    | {sign: "\\" + sign for sign in "&%$#_{}"}
    | {sign: f"${sign}$" for sign in "<>|"}
    | {"²": "$^2$", "³": "$^3$", "…": r"\ldots{}", "–": "--", "—": "---"}
    | {"−": "$-$", "×": r"$\times$", "±": r"$\pm$", "≤": r"$\leq$", "≥": r"$\geq$", "∞": r"$\infty$"}
    | {
        "α": r"$\alpha$",
        "β": r"$\beta$",
        "γ": r"$\gamma$",
        "δ": r"$\delta$",
        "ε": r"$\varepsilon$",
        "θ": r"$\theta$",
        "κ": r"$\kappa$",
        "λ": r"$\lambda$",
        "μ": r"$\mu$",
        "ν": r"$\nu$",
        "π": r"$\pi$",
        "ρ": r"$\rho$",
        "σ": r"$\sigma$",
        "τ": r"$\tau$",
        "φ": r"$\phi$",
        "χ": r"$\chi$",
        "ψ": r"$\psi$",
        "ω": r"$\omega$",
        "Δ": r"$\Delta$",
        "Γ": r"$\Gamma$",
        "Σ": r"$\Sigma$",
        "Ω": r"$\Omega$",
    }
)
"""What LaTeX takes for something else, or lacks in text; letters with accents pass as they are (UTF-8)."""

MINUS = re.compile(r"(?<!\w)-(?=[\d.])")


def latex_text(text: object) -> str:
    r"""Return text for LaTeX: its signs escaped, a minus before a number as one, a first bracket grouped.

    Examples
    --------
    >>> print(latex_text("I(a_b ** 2) & 5%: -1.5"))
    I(a\_b ** 2) \& 5\%: $-$1.5
    """
    plain = MINUS.sub("−", str(text))
    written = "".join(SIGNS.get(sign, sign) for sign in plain)
    return "{" + written[0] + "}" + written[1:] if written[:1] in ("[", "*") else written


def latex_row(cells: Sequence[object]) -> str:
    """Return a row of a ``tabular``."""
    return " & ".join(latex_text(cell) for cell in cells) + r" \\"
