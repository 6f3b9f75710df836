"""Files of saved results, changed as somebody would who makes the checksums fit."""

import json
import zipfile

import pytest

import limeform as lf
from limeform.archive import file as archive_file


def rewritten(path, change, store=zipfile.ZIP_STORED):
    """Write the archive again with other members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", store) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def forged(path, change):
    """Change the document as somebody would who makes the checksums fit."""

    def forge(members):
        head = json.loads(members["limeform.json"])
        body = json.loads(head["content"])
        change(body, members)
        head["content"] = json.dumps(body)
        head["members"] = {
            k: archive_file.hashlib.sha256(v).hexdigest() for k, v in members.items() if k != "limeform.json"
        }
        head["sha256"] = archive_file._checksum(head["members"], head["content"])
        members["limeform.json"] = json.dumps(head).encode()

    rewritten(path, forge)


def refused(path, match):
    with pytest.raises(lf.ArchiveError, match=match):
        lf.load(path)
