"""Sphinx configuration of `make docs`. The pages load nothing from the network, formulas included."""

import shutil
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

project = "limeform"
author = "The limeform developers"
copyright = "2026, the limeform developers"
version = release = version_of("limeform")

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "conf.py"]
html_theme = "pydata_sphinx_theme"
html_title = f"limeform {version}"
html_theme_options = {"show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}
html_show_sourcelink = False
html_sidebars = {"*": [], "vignettes/*": []}  # only the reference has pages below it to list

# Pages are static, their examples are run by the tests; vignettes (py:percent files) are executed here.
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300

# The reference lists what `limeform.__all__` names, each on a page of its own.
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autosummary_filename_map = {"limeform.LMM": "limeform.LMM-class"}  # limeform.lmm, where case does not tell files apart
autodoc_typehints = "none"
numpydoc_show_class_members = False

shutil.rmtree(HERE / "vignettes", ignore_errors=True)
shutil.copytree(ROOT / "vignettes", HERE / "vignettes", ignore=shutil.ignore_patterns("__pycache__"))
