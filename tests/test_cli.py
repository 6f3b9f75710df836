"""The command line: what it prints and writes, its exit status, and no traceback for anything foreseeable."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from limeform.cli import main
from limeform.cli.demo import log_risk_ratios
from limeform.cli.formula_code import check_formula

SLEEP = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """Work in a new directory with two CSV files."""
    monkeypatch.chdir(tmp_path)
    lf.datasets.sleepstudy().to_csv("sleep.csv", index=False)
    log_risk_ratios(lf.datasets.bcg()).to_csv("bcg.csv", index=False)
    return tmp_path


def written(out: str) -> list[str]:
    """Return the paths that a command said it wrote."""
    return re.findall(r"^wrote (.+)$", out, re.MULTILINE)


def refused(capsys, *argv: str) -> str:
    """Run a command that is to be refused, and return what it said."""
    assert main(argv) == 1
    said = capsys.readouterr().err
    assert said.startswith("limeform: error: ")
    assert "Traceback" not in said
    return said


def test_fit(here, capsys):
    assert main(["fit", "sleep.csv", SLEEP, "--out", "new/place"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "Linear Mixed-Effects Model" in out
    names = ["estimates.csv", "random_effects.png", "residuals.png"]
    assert written(out) == [os.path.join("new", "place", name) for name in names]
    for path in written(out):
        assert Path(path).stat().st_size > 0
    assert Path("new/place/residuals.png").read_bytes().startswith(b"\x89PNG")


def test_estimates_are_one_table(here, capsys):
    main(["fit", "sleep.csv", SLEEP, "--ml"])
    table = pd.read_csv("limeform-fit/estimates.csv").set_index("term")
    results = lf.lmm(SLEEP, lf.datasets.sleepstudy(), reml=False).fit()
    assert list(table["effect"]) == ["fixed", "fixed", "ran_pars", "ran_pars", "ran_pars", "ran_pars"]
    assert list(table["group"].fillna("")) == ["", "", "Subject", "Subject", "Subject", "Residual"]
    np.testing.assert_allclose(table.loc[["Intercept", "Days"], "estimate"], results.params, rtol=1e-12)
    np.testing.assert_allclose(table.loc[["Intercept", "Days"], "std_error"], results.bse, rtol=1e-12)
    gamma = results.cov_re.to_numpy()
    expected = {
        "sd(Subject: 1)": gamma[0, 0] ** 0.5,
        "sd(Subject: Days)": gamma[1, 1] ** 0.5,
        "cor(Subject: 1, Days)": gamma[0, 1] / (gamma[0, 0] * gamma[1, 1]) ** 0.5,
        "sigma": results.scale**0.5,
    }
    np.testing.assert_allclose(table.loc[list(expected), "estimate"], list(expected.values()), rtol=1e-12)
    assert table.loc[list(expected), "std_error"].isna().all()


def test_estimates_of_independent_effects_and_of_several_sigmas(here, capsys):
    assert main(["fit", "sleep.csv", "Reaction ~ Days + (Days || Subject)", "--sigma", "Days"]) == 0
    terms = list(pd.read_csv("limeform-fit/estimates.csv")["term"])
    assert terms[2:5] == ["sd(Subject: 1)", "sd(Subject: Days)", "sigma(0)"]
    assert terms[-1] == "sigma(9)"


@pytest.mark.parametrize("error", [["--variance", "variance"], ["--se", "se"]])
def test_fit_of_a_meta_analysis(here, capsys, error):
    data = pd.read_csv("bcg.csv")
    data.assign(se=data["variance"] ** 0.5).to_csv("bcg.csv", index=False)
    assert main(["fit", "bcg.csv", "log_rr ~ ablat + (1 | trial)", *error]) == 0
    pictures = [Path(path).name for path in written(capsys.readouterr().out)]
    assert pictures == ["estimates.csv", "forest.png", "funnel.png", "random_effects.png", "residuals.png"]
    table = pd.read_csv("limeform-fit/estimates.csv").set_index("term")["estimate"]
    # metafor 3.8-1: rma(yi, vi, mods = ~ ablat)
    assert table["ablat"] == pytest.approx(-0.02910166093, rel=1e-5)
    assert table["sd(trial)"] ** 2 == pytest.approx(0.07635469471, rel=1e-4)


@pytest.mark.parametrize("solver", ["newton", "scipy", "ipopt"])
def test_solver(here, capsys, solver):
    if solver == "ipopt":
        pytest.importorskip("cyipopt")
    assert main(["fit", "sleep.csv", SLEEP, "--solver", solver]) == 0
    assert solver in capsys.readouterr().out.lower()


def test_weights(here, capsys):
    assert main(["fit", "sleep.csv", "Reaction ~ 1 + (1 | Subject)", "--weights", "Days"]) == 1
    assert "weights= (Days) is zero or negative" in capsys.readouterr().err
    assert main(["fit", "bcg.csv", "log_rr ~ 1 + (1 | alloc)", "--weights", "year"]) == 0


def test_separator(here, capsys):
    pd.read_csv("sleep.csv").to_csv("semicolon.csv", sep=";", index=False)
    assert "--sep" in refused(capsys, "fit", "semicolon.csv", SLEEP)
    assert main(["fit", "semicolon.csv", SLEEP, "--sep", ";"]) == 0
    pd.read_csv("sleep.csv").to_csv("tab.csv", sep="\t", index=False)
    assert main(["fit", "tab.csv", SLEEP, "--sep", "tab"]) == 0


def test_singular_fit_is_told(here, capsys):
    lf.datasets.dyestuff2().to_csv("dyestuff2.csv", index=False)
    assert main(["fit", "dyestuff2.csv", "Yield ~ 1 + (1 | Batch)"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("limeform: warning: singular fit")
    assert err.count("\n") == 1


def test_not_converged_is_status_1_with_everything_written(here, capsys, monkeypatch):
    monkeypatch.setattr("limeform.cli.fit.Newton", lambda: lf.Newton(max_iter=1))
    assert main(["fit", "sleep.csv", SLEEP, "--solver", "newton"]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("limeform: error: not converged: ")
    assert err.count("\n") == 1
    assert "limeform-fit/estimates.csv" in [path.replace(os.sep, "/") for path in written(out)]


def test_demo(here, capsys):
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("Mixed-Effects Meta-Analysis") == 2
    # metafor 3.8-1, lme4 1.1-31
    for number in ("-0.7145", "0.3132", "92.22", "-0.0291", "0.076", "251.4051", "654.9410"):
        assert number in out
    paths = [Path(path) for path in written(out)]
    assert len(paths) == 9
    assert {path.parent for path in paths} == {Path("limeform-demo")}
    assert all(path.stat().st_size > 0 for path in paths)


def test_log_risk_ratios():
    """metafor 3.8-1: escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg), the first trial."""
    first = log_risk_ratios(lf.datasets.bcg()).iloc[0]
    assert first["log_rr"] == pytest.approx(-0.8893113339, rel=1e-9)
    assert first["variance"] == pytest.approx(0.3255847650, rel=1e-9)


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"limeform {lf.__version__}\n"


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["plot"],
        ["fit"],
        ["fit", "sleep.csv"],
        ["fit", "sleep.csv", SLEEP, "--se", "a", "--variance", "b"],
        ["fit", "sleep.csv", SLEEP, "--reml", "--ml"],
        ["fit", "sleep.csv", SLEEP, "--solver", "magic"],
        ["fit", "sleep.csv", SLEEP, "--sep", "::"],
        ["fit", "sleep.csv", SLEEP, "--colour", "red"],
        ["demo", "more"],
    ],
)
def test_wrong_usage_is_status_2(here, capsys, argv):
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2
    assert "usage: limeform" in capsys.readouterr().err
    assert not Path("limeform-fit").exists()


@pytest.mark.parametrize(
    ("formula", "options", "message"),
    [
        ("Reaction ~ Dayz + (1 | Subject)", [], "did you mean 'Days'"),
        ("Reaction ~ Days + (1 | )", [], "no grouping factor"),
        ("Reaction ~ (Days", [], "never closed"),
        ("", [], "empty"),
        ("Reaction ~ Days", ["--se", "none"], "'none' in se= is not a column"),
        ("Reaction ~ Days", ["--sigma", "none"], "'none' in sigma= is not a column"),
        ("Reaction ~ Days", ["--se", "Days"], "zero or negative"),
        ("Reaction ~ Days + (1 | Subject)", ["--out", "sleep.csv"], "cannot write to sleep.csv"),
        ("Reaction ~ Days + (1 | Subject)", ["--out", "sleep.csv/below"], "cannot write to sleep.csv"),
    ],
)
def test_refusals(here, capsys, formula, options, message):
    said = refused(capsys, "fit", "sleep.csv", formula, *options)
    assert message in said
    # one line, but for the formula with its carets
    lines = said.rstrip("\n").split("\n")
    assert len(lines) == 1 or (len(lines) == 3 and set(lines[2].strip()) == {"^"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "data.csv is empty"),
        (b"y,g\n", "no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "not a CSV file in UTF-8"),
        (b"y,g,y\n1,a,2\n", "column 'y' occurs 2 times"),
        (b"y,g\n1,a,3\n2,b,4\n", "more values than the header"),
        (b"y,g\n1,a\n2,b,4\n", "not a table"),
        (b'y,g\n1,a\n"2,b\n', "not a table"),
        (b"y;g\n1;a\n", "Give it as --sep"),
        (b"y,g\none,a\ntwo,b\n", "not numeric"),
        (b"y,g\n1,a\n", "too few"),
        (b"y,g\n,a\n,b\n", "missing"),
    ],
)
def test_files_that_are_no_data(here, capsys, content, message):
    Path("data.csv").write_bytes(content)
    assert message in refused(capsys, "fit", "data.csv", "y ~ 1 + (1 | g)")


def test_files_that_cannot_be_read(here, capsys):
    assert "cannot read nothing.csv: No such file" in refused(capsys, "fit", "nothing.csv", "y ~ x")
    assert "cannot read ." in refused(capsys, "fit", ".", "y ~ x")
    assert "cannot read" in refused(capsys, "fit", "https://localhost:1/data.csv", "y ~ x")


def test_file_with_byte_order_mark(here, capsys):
    Path("excel.csv").write_bytes(b"\xef\xbb\xbf" + Path("sleep.csv").read_bytes())
    assert main(["fit", "excel.csv", SLEEP]) == 0


def test_table_that_cannot_be_written(here, capsys):
    Path("limeform-fit/estimates.csv").mkdir(parents=True)
    assert "cannot write to limeform-fit" in refused(capsys, "fit", "sleep.csv", SLEEP)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_directory_without_permission(here, capsys):
    Path("closed").mkdir(mode=0o500)
    assert "cannot write to closed: Permission denied" in refused(capsys, "fit", "sleep.csv", SLEEP, "--out", "closed")


@pytest.mark.parametrize(
    "code",
    [
        "__import__('os').system('touch found')",
        "I(open('found', 'w'))",
        "eval('1')",
        "{().__class__.__base__}",
        "{Days.__class__}",
        "np.load('found')",
        "np.lib.format(Days)",
        "np.memmap('found')",
        "{[x for x in Days]}",
        "{(lambda: 1)()}",
        "log(getattr(Days, 'values'))",
        "{9**9**9}",
        "{1 << 9999999999}",
        "{'a' * 9999999999}",
        "{[0] * 9999999999}",
        "contr.__class__(Days)",
        "Days[0]",
    ],
)
@pytest.mark.parametrize(
    "formula", ["Reaction ~ {}", "{} ~ Days", "Reaction ~ Days + (1 | {})", "Reaction ~ ({} | Subject)"]
)
def test_formulas_run_no_code(here, capsys, formula, code):
    said = refused(capsys, "fit", "sleep.csv", formula.replace("{}", code))
    assert "is not allowed in a formula on the command line" in said
    assert not Path("found").exists()


@pytest.mark.parametrize(
    "formula",
    [
        SLEEP,
        "log(Reaction) ~ poly(Days, 2) + C(Subject, contr.sum) + {Days > 3}",
        "np.log10(Reaction) ~ bs(Days, df=4) + {abs(Days - 4) / 10**6}",
        "y ~ I(x**2) + np.where(x > 0, x, 0) + {-x * np.pi} + Q('a b') + `a b` + offset(log(z)) + (scale(x) | g)",
        "y ~ C(g, levels=['b', 'a']) + standardize(x) + {x ** y}",
    ],
)
def test_formulas_may_compute(formula):
    check_formula(formula)


def test_formulas_see_no_names_of_the_program(here, capsys):
    """Without columns of that name, the names of the modules that read the formula are unknown to it."""
    for name in ("data", "arguments", "pd", "argparse"):
        assert f"'{name}' in the formula is not a column" in refused(capsys, "fit", "sleep.csv", f"Reaction ~ {name}")


def run(*argv: str, **keywords) -> subprocess.CompletedProcess:
    environment = os.environ | keywords.pop("env", {})
    return subprocess.run(
        [sys.executable, "-m", "limeform.cli", *argv], capture_output=True, text=True, env=environment, **keywords
    )


def test_terminal_without_unicode(here):
    """The summary has Greek letters; a terminal that cannot show them gets question marks."""
    done = run(
        "fit",
        "bcg.csv",
        "log_rr ~ 1 + (1 | trial)",
        "--variance=variance",
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert done.returncode == 0, done.stderr
    assert "tau?" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_interrupted(here):
    """Ctrl-C while the formula is evaluated or the model fitted: one line, and the status that shells expect."""
    rng = np.random.default_rng(1)
    pd.DataFrame(rng.normal(size=(200_000, 12))).add_prefix("x").to_csv("large.csv", index=False)
    formula = "x0 ~ " + " + ".join(f"bs(x{i}, df=30)" for i in range(1, 12))
    process = subprocess.Popen(
        [sys.executable, "-m", "limeform.cli", "fit", "large.csv", formula, "--out", "out"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not Path("out").exists() and time.monotonic() < deadline:  # made just before the fit
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert err == "limeform: interrupted\n"
    assert process.returncode == 130


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
def test_reader_that_goes_away(here):
    command = f'"{sys.executable}" -m limeform.cli demo | head -n 1'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.startswith("Thirteen trials")
