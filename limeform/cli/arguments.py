"""What the command line takes."""

from __future__ import annotations

import argparse
from pathlib import Path

from limeform import __version__

FIT = """\
Fits a linear mixed model to the rows of a CSV file, prints the summary, and writes the estimates as a table and the
pictures that apply. The formula is in lme4's notation; it can use the columns, arithmetic, numpy's functions of a
column such as np.log(x), and formulaic's transforms such as C(x) or poly(x, 2), but no other Python."""

STATUS = "exit status: 0 success, 1 refused or not converged, 2 wrong usage, 130 interrupted"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``limeform``."""
    parser = argparse.ArgumentParser(
        prog="limeform", description="Mixed-effects models and meta-analysis from a formula.", epilog=STATUS
    )
    parser.add_argument("--version", action="version", version=f"limeform {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_fit(commands.add_parser("fit", help="fit a model to a CSV file", description=FIT, epilog=STATUS))
    demo = commands.add_parser("demo", help="fit models to two data sets that come with limeform", epilog=STATUS)
    _add_out(demo, "limeform-demo")
    return parser


def _add_fit(fit: argparse.ArgumentParser) -> None:
    fit.add_argument("data", type=Path, metavar="DATA.csv", help="file with one row an observation and a header")
    fit.add_argument("formula", metavar="FORMULA", help='such as "y ~ x + (1 | g)"')
    errors = fit.add_mutually_exclusive_group()
    errors.add_argument("--se", metavar="COL", help="column of known sampling standard errors: a meta-analysis")
    errors.add_argument("--variance", metavar="COL", help="column of known sampling variances")
    fit.add_argument("--weights", metavar="COL", help="column of prior weights a: the error variance is sigma²/a")
    fit.add_argument("--sigma", metavar="COL", help="column with one unknown error variance for each of its levels")
    criterion = fit.add_mutually_exclusive_group()
    criterion.add_argument("--reml", dest="reml", action="store_true", default=None, help="restricted likelihood")
    criterion.add_argument("--ml", dest="reml", action="store_false", default=None, help="maximum likelihood")
    fit.add_argument("--solver", choices=["ipopt", "newton", "scipy"], help="optimiser; by default Ipopt if installed")
    fit.add_argument(
        "--sep", metavar="CHAR", type=_separator, default=",", help="what separates the columns; 'tab' too"
    )
    _add_out(fit, "limeform-fit")


def _add_out(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(default),
        metavar="DIR",
        help="directory of what is written (default %(default)s)",
    )


def _separator(text: str) -> str:
    character = "\t" if text in ("tab", r"\t") else text
    if len(character) != 1 or character in "\"'\r\n":
        raise argparse.ArgumentTypeError(f"{text!r} is not one character")
    return character
