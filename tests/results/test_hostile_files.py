"""Files that were made to do harm are refused with a reason, and nothing in them is run."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest

import limeform as lf
from tests.results.forgery import forged, refused, rewritten
from tests.results.restricted_fits import DATA, MODELS

TEMPLATE = lf.lmm(
    "y ~ 1 + x + bspline(dose, knots=2) + (1 | study)",
    DATA,
    se="se",
    constraints=["x <= 3", lf.passes("dose", at=1, value=0), lf.increasing("dose")],
    priors=lf.normal("x", 0, 5),
    trim=lf.Trimming(0.1, starts=1),
).fit()


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """A good file, in a folder where nothing else is allowed to appear."""
    monkeypatch.chdir(tmp_path)
    TEMPLATE.save(tmp_path / "fit.lime")
    yield tmp_path / "fit.lime"
    assert [file.name for file in tmp_path.iterdir()] == ["fit.lime"]


CODE = [
    "__import__('os').system('touch ran') <= 1",
    "x.__class__.__mro__ <= 1",
    "open('ran', 'w') <= 1",
    "(lambda: 1)() <= 1",
    "[x for x in (1,)] <= 1",
    "x if open('ran', 'w') else x <= 1",
    "exp(__import__('os').system('touch ran')) <= 1",
    "`__import__('os')` <= 1",
]


@pytest.mark.parametrize("text", CODE)
def test_code_in_a_constraint(saved, text):
    forged(saved, lambda body, _: body["model"]["given"]["constraints"][0].update(text=text))
    refused(saved, "damaged, or does not fit")


@pytest.mark.parametrize("place", ["term", "target", "start"])
def test_code_in_a_name(saved, place):
    code = "__import__('os').system('touch ran')"

    def change(body, _):
        given = body["model"]["given"]
        if place == "term":
            given["constraints"][2]["term"] = code
        elif place == "target":
            given["priors"][0]["target"] = code
        else:
            given["start"] = {code: 1.0}

    forged(saved, change)
    refused(saved, "is not a curve|neither a coefficient|no parameter of the mean")


def given_of(body):
    return body["model"]["given"]


CONSTRAINTS = {
    "unknown kind": {"kind": "constraint", "function": "os.system"},
    "kind that is no text": {"kind": ["increasing"], "term": "dose", "domain": None},
    "no mapping": "x <= 3",
    "number": 3,
    "missing field": {"kind": "increasing", "term": "dose"},
    "surplus field": {"kind": "text", "text": "x <= 3", "function": "print"},
    "text that is a number": {"kind": "text", "text": 3},
    "text that is endless": {"kind": "text", "text": "x + " * 10_000 + "x <= 3"},
    "deep text": {"kind": "text", "text": "(" * 3000 + "x" + ")" * 3000 + " <= 3"},
    "endless power": {"kind": "text", "text": "9**9**9**9**9 * x <= 3"},
    "NaN": {"kind": "passes", "term": "dose", "at": float("nan"), "value": 0, "derivative": 0},
    "infinite": {"kind": "passes", "term": "dose", "at": 1, "value": float("inf"), "derivative": 0},
    "huge": {"kind": "passes", "term": "dose", "at": 1, "value": 10**400, "derivative": 0},
    "truth": {"kind": "passes", "term": "dose", "at": True, "value": 0, "derivative": 0},
    "derivative": {"kind": "passes", "term": "dose", "at": 1, "value": 0, "derivative": 10**9},
    "derivative as text": {"kind": "passes", "term": "dose", "at": 1, "value": 0, "derivative": "1"},
    "limits the wrong way": {"kind": "bounds", "target": "x", "lower": 3, "upper": 1, "domain": None},
    "one end": {"kind": "increasing", "term": "dose", "domain": [1]},
    "ends of text": {"kind": "increasing", "term": "dose", "domain": ["a", "b"]},
    "points that are none": {
        "kind": "average", "term": "dose", "value": 1, "at": {"0": 1}, "weights": None, "domain": None
    },
    "weights that do not fit": {
        "kind": "average", "term": "dose", "value": 1, "at": [1, 2], "weights": [1], "domain": None
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_that_are_none(saved, name):
    forged(saved, lambda body, _: given_of(body)["constraints"].__setitem__(0, CONSTRAINTS[name]))
    refused(saved, "damaged")


PRIOR = {"kind": "normal", "target": "x", "mean": 0.0, "sd": 5.0, "derivative": 0, "domain": None}


@pytest.mark.parametrize(
    "change",
    [
        *({"kind": "penalty"}, {"kind": "cauchy"}, {"sd": -1}, {"sd": 0}, {"mean": "0"}, {"mean": None}, {"scale": 1}),
        *({"sd": float("inf")}, {"sd": float("nan")}, {"derivative": 1.5}, {"domain": [3, 1]}, {"target": 7}),
    ],
)
def test_priors_that_are_none(saved, change):
    forged(saved, lambda body, _: given_of(body)["priors"].__setitem__(0, PRIOR | change))
    refused(saved, "damaged")


def restricted(body):
    return body["fit"]["estimates"]["fields"]["restricted"]["fields"]


def estimates(body):
    return body["fit"]["estimates"]["fields"]


FORMULA = "y ~ 1 + x + {} + (1 | study)"

DOCUMENTS = {
    "no constraints": lambda body: given_of(body).pop("constraints"),
    "given as list": lambda body: body["model"].update(given=[]),
    "no given": lambda body: body["model"].pop("given"),
    "constraints taken out": lambda body: given_of(body).update(constraints=[], priors=[]),
    "start as list": lambda body: given_of(body).update(start=[1.0]),
    "start of text": lambda body: given_of(body).update(start={"x": "1"}),
    "start that is NaN": lambda body: given_of(body).update(start={"x": float("nan")}),
    "keep of another size": lambda body: body["model"].update(keep=estimates(body)["beta"]),
    "keep of no column": lambda body: body["model"].update(keep="absent"),
    "reml as text": lambda body: body["model"].update(reml="yes"),
    "not restricted": lambda body: estimates(body).update(restricted=None),
    "held of numbers": lambda body: restricted(body).update(held=estimates(body)["beta"]),
    "covariance of a vector": lambda body: restricted(body).update(covariance=estimates(body)["beta"]),
    "active of text": lambda body: restricted(body).update(active={"tuple": ["a"]}),
    "priors of numbers": lambda body: restricted(body).update(log_priors={"tuple": [{"tuple": [1.0, "a"]}]}),
    "likelihood of text": lambda body: estimates(body).update(log_likelihood="0"),
    "converged by text": lambda body: estimates(body)["solution"]["fields"].update(status="CONVERGED"),
    "another class": lambda body: estimates(body).update(solution=body["fit"]["coordinates"]),
    "variables of another size": lambda body: estimates(body).update(variables=estimates(body)["gamma"]),
    "trimming of text": lambda body: body["model"]["trim"]["fields"].update(fraction="0.1"),
    "a report of another size": lambda body: body["fit"]["trimming"]["fields"].update(weights=estimates(body)["beta"]),
    "coordinates of another size": lambda body: body["fit"]["coordinates"]["fields"].update(fixed=body["fit"]["y"]),
    "coordinates without units": lambda body: body["fit"]["coordinates"]["fields"].update(variance=0.0),
    "document of a list": lambda body: body.update(model=[], fit=[]),
    "endless index": lambda body: body["model"].update(
        index={"kind": "range", "range": [0, 10**15, 1], "names": [None]}
    ),
    "endless knots": lambda body: body["model"].update(formula=FORMULA.format("bspline(dose, knots=1000000000)")),
    "computed knots": lambda body: body["model"].update(formula=FORMULA.format("bspline(dose, knots=10**9)")),
    "endless products": lambda body: body["model"].update(formula=FORMULA.format("(dose + x) ** 99")),
    "endless interactions": lambda body: body["model"].update(formula=FORMULA.format(" * ".join(["dose + x"] * 40))),
    "deep formula": lambda body: body["model"].update(formula=FORMULA.format("(" * 5000 + "dose" + ")" * 5000)),
    "long formula": lambda body: body["model"].update(formula=FORMULA.format(" + ".join(["dose"] * 1500))),
    "endless polynomial": lambda body: body["model"].update(formula=FORMULA.format("poly(dose, 1000000000)")),
    "endless knots by name": lambda body: body["model"].update(formula=FORMULA.format("bs(dose, k)"), scope={"k": 1e9}),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_that_make_no_fit(saved, name):
    forged(saved, lambda body, _: DOCUMENTS[name](body))
    refused(saved, "damaged|does not fit|is refused")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
@pytest.mark.parametrize("place", ["beta", "gamma", "y", "weights"])
def test_values_that_are_no_numbers(saved, bad, place):
    if bad == -1 and place != "weights":
        return

    def change(body, members):
        tree = body["fit"] if place in ("y", "weights") else estimates(body)
        name = tree[place]["array"]
        buffer = io.BytesIO()
        np.save(buffer, np.full_like(np.load(io.BytesIO(members[name])), bad))
        members[name] = buffer.getvalue()

    forged(saved, change)
    refused(saved, "values that are no numbers|a weight is negative")


def test_expressions_of_a_nonlinear_mean(saved):
    MODELS["decay"]().fit().save(saved)
    for code in ("nl(A * __import__('os').system('touch ran') * k)", "nl(A * dose.to_csv('ran') * k)"):
        forged(saved, lambda body, _, code=code: body["model"].update(formula=f"c ~ 0 + {code} + (1 | study)"))
        refused(saved, "damaged|refused")


@pytest.mark.parametrize("depth", [500, 5_000, 200_000])
def test_deep_documents(saved, depth):
    for place in ("head", "body", "value"):

        def change(members, place=place):
            head = json.loads(members["limeform.json"])
            nest = "[" * depth + "]" * depth
            if place == "head":
                members["limeform.json"] = nest.encode()
                return
            tree = '{"tuple":[' * depth + "]}" * depth
            head["content"] = nest if place == "body" else head["content"].replace('"keep": null', f'"keep": {tree}')
            sums = head["members"]
            head["sha256"] = lf.archive.file._checksum(sums, head["content"])
            members["limeform.json"] = json.dumps(head).encode()

        TEMPLATE.save(saved)
        rewritten(saved, change)
        refused(saved, "damaged|not a file of saved results")


def test_endless_numbers(saved):
    def change(members):
        head = json.loads(members["limeform.json"])
        head["content"] = head["content"].replace('"fraction": 0.1', '"fraction": ' + "9" * 10_000)
        head["sha256"] = lf.archive.file._checksum(head["members"], head["content"])
        members["limeform.json"] = json.dumps(head).encode()

    rewritten(saved, change)
    refused(saved, "damaged")


# ---------------------------------------------------------------------- the zip file itself


@pytest.mark.parametrize("name", ["../ran", "/ran", "arrays/../../ran", "C:\\ran", "arrays/0.npy/", "ran.py"])
def test_names_of_members(saved, name):
    rewritten(saved, lambda members: members.update({name: b"x"}))
    refused(saved, "not written by limeform: it has a member called")


def test_links(saved):
    with zipfile.ZipFile(saved, "a") as archive:
        info = zipfile.ZipInfo("arrays/900.npy")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "limeform.json")
    refused(saved, "a link as member")


def test_a_compressed_bomb(saved):
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr("arrays/900.npy", bytes(10**8), zipfile.ZIP_DEFLATED)
    assert saved.stat().st_size < 10**6
    refused(saved, "compressed members")


def test_members_that_share_their_bytes(saved):
    """Many entries of the directory that point to one member make a small file large in memory."""
    size = 100_000
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr("arrays/900.npy", bytes(size))
        first = archive.getinfo("arrays/900.npy")
        for number in range(901, 960):
            copy = zipfile.ZipInfo(f"arrays/{number}.npy")
            copy.file_size = copy.compress_size = size
            copy.CRC, copy.header_offset = first.CRC, first.header_offset
            archive.filelist.append(copy)
            archive.NameToInfo[copy.filename] = copy
        archive._didModify = True
    refused(saved, "larger than the file")


def test_arrays_that_claim_another_size(saved):
    def change(body, members):
        name = estimates(body)["beta"]["array"]
        header = str({"descr": "<f8", "fortran_order": False, "shape": (10**12,)}).encode()
        header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
        members[name] = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(80)

    forged(saved, change)
    refused(saved, "its size is not that of the shape")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(8, dtype=[("a", "f8"), ("b", "O")]),
        np.zeros(8, dtype=[("a", "f8")]),
        np.zeros(8, dtype="V8"),
        np.zeros(8, dtype=complex),
    ],
)
def test_arrays_of_other_types(saved, array):
    def change(body, members):
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=True)
        members[estimates(body)["beta"]["array"]] = buffer.getvalue()

    forged(saved, change)
    refused(saved, "no plain array")


def test_headers_are_not_evaluated(saved):
    def change(body, members):
        header = b"{'descr': __import__('os').system('touch ran'), 'fortran_order': False, 'shape': (1,)}"
        header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
        members[estimates(body)["beta"]["array"]] = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header

    forged(saved, change)
    refused(saved, "no plain array")


def test_an_array_that_is_used_many_times(saved):
    """Each use is a copy: a file of megabytes could take gigabytes."""

    def change(body, _):
        column = body["model"]["columns"][0][1]
        body["model"]["columns"] += [[f"more{number}", column] for number in range(300)]

    forged(saved, change)
    refused(saved, "uses arrays more than once")


def test_a_long_index_without_columns(saved):
    """A constant formula would take its length from the index."""

    def change(body, _):
        body["model"].update(
            formula="I(np.pi) ~ 1",
            modules=["np"],
            columns=[],
            values={},
            names={},
            index={"kind": "range", "range": [0, 100_000, 1], "names": [None]},
        )

    forged(saved, change)
    refused(saved, "labels of 100000 rows")
