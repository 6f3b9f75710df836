"""Every example in README.md, docs/ and vignettes/ runs and prints what its page shows."""

import contextlib
import io
import re
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from limeform.errors import LimeformError
from tests.printed import shows

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\s*^```text\n(?P<output>.*?)^```$)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A block of Python in a page, and the block of text right after it, if there is one."""

    line: int
    code: str
    output: str | None


def examples(page: Path) -> list[Example]:
    text = page.read_text(encoding="utf-8")
    return [Example(text.count("\n", 0, m.start()) + 1, m["code"], m["output"]) for m in BLOCK.finditer(text)]


def run(example: Example, page: Path, namespace: dict[str, Any]) -> str:
    """Run the example and return what it printed; an error of ours counts as printed where the page shows output."""
    printed = io.StringIO()
    code = compile("\n" * example.line + example.code, str(page), "exec")
    with contextlib.redirect_stdout(printed):
        try:
            exec(code, namespace)
        except LimeformError as error:
            if example.output is None:
                raise
            print(f"{type(error).__name__}: {error}")
    return printed.getvalue()


PAGES = [page for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))] if examples(page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # examples write here, not into the checkout
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for example in examples(page):
        printed = run(example, page, namespace)
        if example.output is not None:
            assert shows(example.output, printed), f"{page.name}, line {example.line}, prints\n{printed}"


@pytest.mark.parametrize("vignette", sorted((ROOT / "vignettes").glob("*.py")), ids=lambda path: path.name)
def test_vignette(vignette, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(vignette), run_name="__main__")
