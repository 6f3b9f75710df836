"""Saved fits come back as they were; other files are refused, and nothing in them is run."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.results.forgery import forged, refused, rewritten

SLEEP = lf.datasets.sleepstudy()
DATA = SLEEP.assign(
    half=pd.Categorical(np.where(SLEEP["Days"] > 4, "late", "early"), categories=["late", "early", "never"]),
    w=np.linspace(1, 2, 180),
    se=20.0,
    shift=np.arange(180.0),
)
DATA.loc[5, "w"] = np.nan
KNOTS = [2.0, 4.0]

MODELS = {
    "slopes": lambda: lf.lmm("Reaction ~ Days + (Days | Subject)", DATA),
    "weights and a value of the caller": lambda: lf.lmm(
        "Reaction ~ half * scale(Days) + bs(Days, knots=KNOTS) + (Days || Subject)", DATA, weights="w"
    ),
    "numpy and a dot": lambda: lf.lmm(
        "np.log(Reaction) ~ . + (1 | Subject)", DATA[["Reaction", "Days", "Subject", "half"]]
    ),
    "known errors": lambda: lf.lmm("Reaction ~ poly(Days, 2) + (1 | Subject)", DATA, se="se"),
    "offsets": lambda: lf.lmm("Reaction ~ Days + offset(0.1 * shift) + (1 | Subject)", DATA),
    "strata and an interaction": lambda: lf.lmm("Reaction ~ Days + (1 | Subject:half)", DATA, sigma="half"),
    "trimmed": lambda: lf.lmm("Reaction ~ Days + (Days | Subject)", DATA, trim=lf.Trimming(0.1, starts=2, keep=[3, 4])),
    "trimmed, corrected, known": lambda: lf.lmm(
        "Reaction ~ Days + (1 | Subject)", DATA, se="se", trim=lf.Trimming(0.1, starts=2, correct=True)
    ),
    "no groups": lambda: lf.lmm("Reaction ~ Days", DATA, reml=False),
}


@pytest.fixture(params=MODELS)
def fit(request):
    return MODELS[request.param]().fit()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.lime"


def test_round_trip(fit, path):
    fit.save(path)
    found = lf.load(path)
    assert str(found.summary()) == str(fit.summary())
    pd.testing.assert_series_equal(found.fittedvalues, fit.fittedvalues)
    pd.testing.assert_frame_equal(found.outliers(), fit.outliers())
    pd.testing.assert_frame_equal(found.ranef(), fit.ranef())
    pd.testing.assert_series_equal(found.predict(DATA[::7]), fit.predict(DATA[::7]))
    pd.testing.assert_frame_equal(found.get_prediction().summary_frame(), fit.get_prediction().summary_frame())
    pd.testing.assert_frame_equal(found.glance(), fit.glance())
    assert found.plot_residuals().get_xlabel() == fit.plot_residuals().get_xlabel()
    np.testing.assert_allclose(found.bootstrap(5, rng=1).draws, fit.bootstrap(5, rng=1).draws, rtol=1e-6)
    assert found.model.fit().llf == pytest.approx(fit.llf, abs=1e-6)


def test_values_given_by_keyword(path):
    fit = lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP, offset=np.arange(180.0), weights=SLEEP["Days"] + 1).fit()
    fit.save(path)
    pd.testing.assert_series_equal(lf.load(path).fittedvalues, fit.fittedvalues)


def test_models_from_arrays_and_refits(path):
    model = lf.LMM(
        SLEEP["Reaction"], np.column_stack([np.ones(180), SLEEP["Days"]]), random=lf.Random(SLEEP["Subject"])
    )
    fit = model.fit().refit(np.sqrt(SLEEP["Reaction"]))
    fit.save(path)
    pd.testing.assert_series_equal(lf.load(path).params, fit.params)
    pd.testing.assert_series_equal(lf.load(path).resid, fit.resid)


def test_labels_of_rows_come_back(path):
    data = DATA.set_index(
        pd.MultiIndex.from_arrays([DATA["Subject"].to_numpy(), DATA["Days"].to_numpy()], names=["s", "d"])
    )
    fit = lf.lmm("Reaction ~ Days + (1 | Subject)", data).fit()
    fit.save(path)
    pd.testing.assert_index_equal(lf.load(path).resid.index, data.index)


def test_saved_again_it_is_the_same_file(path, tmp_path):
    lf.lmm("Reaction ~ Days + (Days | Subject)", DATA).fit().save(path)
    lf.load(path).save(tmp_path / "again.lime")
    first, second = (json.loads(zipfile.ZipFile(p).read("limeform.json")) for p in (path, tmp_path / "again.lime"))
    assert first["members"] == second["members"]


def test_only_the_columns_used_are_in_the_file(path):
    secret = DATA.assign(name="confidential")
    lf.lmm("Reaction ~ Days + (1 | Subject)", secret).fit().save(path)
    assert b"confidential" not in path.read_bytes()
    assert b"pickle" not in path.read_bytes()


def test_functions_of_the_user_are_not_saved(path):
    def root(x):
        return np.sqrt(x)

    fit = lf.lmm("root(Reaction) ~ Days + (1 | Subject)", DATA).fit()
    with pytest.raises(lf.ArchiveError, match=r"'root\(Reaction\)'"):
        fit.save(path)
    assert not path.exists()
    with pytest.raises(lf.ArchiveError, match=r"Days.abs\(\)"):
        lf.lmm("Reaction ~ Days.abs() + (1 | Subject)", DATA).fit().save(path)


def test_objects_of_the_user_are_not_saved(path):
    level = pd.Timestamp("2020-01-01")  # noqa: F841 -- the formula uses it
    fit = lf.lmm("Reaction ~ I(Days * (1 < 2 if level else 0)) + (1 | Subject)", DATA).fit()
    with pytest.raises(lf.ArchiveError, match="if level else"):
        fit.save(path)


def test_case_refits_are_not_saved(path):
    fit = lf.lmm("Reaction ~ Days + (1 | Subject)", DATA).fit()
    refit = fit.refit_rows(np.arange(170), fit.design.random.codes[:170])
    with pytest.raises(lf.ArchiveError, match="save the fit that it came from"):
        refit.save(path)


# ---------------------------------------------------------------------- files that are refused


@pytest.fixture
def saved(path):
    lf.lmm("Reaction ~ Days + (1 | Subject)", DATA).fit().save(path)
    return path


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, 0.99])
def test_a_byte_that_changed(saved, place):
    content = bytearray(saved.read_bytes())
    content[int(place * len(content))] ^= 0xFF
    saved.write_bytes(bytes(content))
    refused(saved, "damaged|cannot read|not")


def test_a_file_cut_short(saved):
    saved.write_bytes(saved.read_bytes()[:-200])
    refused(saved, "damaged")


def test_later_versions(saved):
    def later(members):
        head = json.loads(members["limeform.json"])
        members["limeform.json"] = json.dumps(head | {"version": 99, "limeform": "9.9"}).encode()

    rewritten(saved, later)
    refused(saved, "version 99 .* limeform 9.9")


def test_compressed_members_are_no_way_to_fill_memory(saved):
    rewritten(saved, lambda members: None, zipfile.ZIP_DEFLATED)
    refused(saved, "compressed")


def test_members_that_are_missing_or_hold_objects(saved):
    rewritten(saved, lambda members: members.pop("arrays/0.npy"))
    refused(saved, "arrays/0.npy")


class Bomb:
    """Raises when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_pickled_objects_inside_arrays_are_not_loaded(saved):
    def bomb(body, members):
        buffer = io.BytesIO()
        np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
        members["arrays/0.npy"] = buffer.getvalue()

    forged(saved, bomb)
    refused(saved, "no plain array")


@pytest.mark.parametrize(
    "formula",
    [
        "Reaction ~ Days + ran(Days) + (1 | Subject)",
        "Reaction ~ Days + __import__('os').system('touch ran') + (1 | Subject)",
        "Reaction ~ Days + {open('ran', 'w').write('x')} + (1 | Subject)",
        "open('ran', 'w') ~ Days + (1 | Subject)",
        "Reaction ~ Days + offset(np.save('ran', Days)) + (1 | Subject)",
        "Reaction ~ Days + (1 + Days.to_csv('ran') | Subject)",
        "Reaction ~ Days + (1 | Subject.to_csv('ran'))",
        "Reaction ~ np.fromfile('ran') + (1 | Subject)",
    ],
)
def test_code_in_a_formula_is_not_run(saved, formula, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    forged(saved, lambda body, members: body["model"].update(formula=formula))
    refused(saved, "refused|damaged")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "ran.npy").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.pop("fit"),
        lambda body: body["fit"].update(estimates=None),
        lambda body: body["fit"].update(estimates={"class": "Popen", "fields": {}}),
        lambda body: body["fit"].update(estimates={"class": "Estimates", "fields": {}}),
        lambda body: body["fit"].update(names=["other"]),
        lambda body: body["fit"].update(trimming=body["fit"]["estimates"]),
        lambda body: body["fit"]["estimates"]["fields"].update(beta=body["fit"]["y"]),
        lambda body: body["fit"].update(y=body["fit"]["estimates"]["fields"]["gamma"]),
        lambda body: body["model"].update(columns=[]),
        lambda body: body["model"].update(trim=None),
        lambda body: body["model"].update(index={"kind": "range", "range": [0, 7, 1], "names": [None]}),
        lambda body: body["model"].update(names={"unheard": "Days"}),
    ],
)
def test_documents_that_make_no_fit(saved, change):
    forged(saved, lambda body, members: change(body))
    refused(saved, "damaged|does not fit|is refused")


def test_an_interrupted_write_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(lf.ArchiveError, match="No space left"):
        lf.lmm("Reaction ~ Days + (1 | Subject)", DATA).fit().save(saved)
    assert saved.read_bytes() == before
    assert len(list(saved.parent.iterdir())) == 1
