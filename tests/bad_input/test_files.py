"""Paths that cannot be written, and files that are no saved results, are refused with a reason."""

import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import limeform as lf

FILES = Path(__file__).parent.parent / "archive" / "files"
FIT = lf.lmm("Yield ~ 1 + (1 | Batch)", lf.datasets.dyestuff()).fit()


def foreign_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "x")


def pickled(path):
    path.write_bytes(pickle.dumps({"a": 1}))


def text(path):
    path.write_text("not a zip file")


def empty(path):
    path.write_bytes(b"")


def numpy_zip(path):
    np.savez(path.open("wb"), a=np.zeros(3))


def half(path):
    path.write_bytes((FILES / "version1.lime").read_bytes()[:3000])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda path: None, "cannot read .*No such file"),
        (Path.mkdir, "cannot read .*directory"),
        (text, "no file of saved results"),
        (empty, "no file of saved results"),
        (half, "damaged, or no file of saved results"),
        (pickled, "no file of saved results"),
        (foreign_zip, "a zip file, but not one of saved results"),
        (numpy_zip, "a zip file, but not one of saved results"),
    ],
)
def test_files_that_are_no_results(tmp_path, make, match):
    path = tmp_path / "file"
    make(path)
    with pytest.raises(lf.ArchiveError, match=match):
        lf.load(path)


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(lf.ArchiveError, match=r"cannot write .*folder.lime.*No such file or directory"):
        FIT.save(tmp_path / "no" / "folder.lime")
    with pytest.raises(lf.ArchiveError, match="No such file"):
        lf.load(tmp_path / "no" / "folder.lime")


def test_a_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(lf.ArchiveError, match="cannot write"):
        FIT.save(tmp_path)
    with pytest.raises(lf.ArchiveError, match="cannot write"):
        FIT.save(f"{tmp_path}/")
    (tmp_path / "text").write_text("x")
    with pytest.raises(lf.ArchiveError, match=r"cannot write .*Not a directory"):
        FIT.save(tmp_path / "text" / "fit.lime")
    assert [file.name for file in tmp_path.iterdir()] == ["text"]


def test_a_path_that_is_read_only(tmp_path, monkeypatch):
    """As root every folder can be written, so the refusal of the system is played."""

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(zipfile, "ZipFile", denied)
    with pytest.raises(lf.ArchiveError, match=r"cannot write .*fit.lime.*Permission denied"):
        FIT.save(tmp_path / "fit.lime")
    with pytest.raises(lf.ArchiveError, match=r"cannot read .*fit.lime.*Permission denied"):
        lf.load(tmp_path / "fit.lime")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [None, 3, b"fit.lime", "", ["fit.lime"], True])
def test_paths_that_are_none(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for ask in (FIT.save, lf.load):
        with pytest.raises(lf.OptionError, match="give the name of a file"):
            ask(path)


@pytest.mark.parametrize("name", ["version1.lime", "version1_trimmed.lime"])
def test_files_of_earlier_versions_are_read(name, tmp_path):
    found = lf.load(shutil.copy(FILES / name, tmp_path))
    if name == "version1.lime":
        fit = FIT
    else:
        data = lf.datasets.sleepstudy()[:60]
        fit = lf.lmm("Reaction ~ Days + (1 | Subject)", data, trim=lf.Trimming(0.1, starts=2)).fit()
    np.testing.assert_allclose(found.resid, fit.resid, atol=1e-3)  # the solver may have become a better one
    assert found.llf == pytest.approx(fit.llf, abs=1e-6)
    assert len(str(found.summary())) > 500
    found.save(tmp_path / "again.lime")
    assert lf.load(tmp_path / "again.lime").llf == found.llf


@pytest.mark.parametrize("path", ["/", "."])
def test_paths_without_a_name(path):
    with pytest.raises(lf.ArchiveError, match="that cannot be a file"):
        FIT.save(path)


@pytest.mark.parametrize("path", ["a\0b", "a\ud800b"])
@pytest.mark.parametrize("function", [FIT.save, lf.load])
def test_paths_that_no_file_can_have(function, path):
    with pytest.raises(lf.OptionError, match="has characters that no name of a file can have"):
        function(path)
