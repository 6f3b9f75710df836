# `make demo` and `make test` need nothing but Python 3.11 or newer: the first run prepares .venv (see setup.sh).
PYTHON := .venv/bin/python

# Many small matrices: threads inside BLAS only get in each other's way, and in that of the parallel test processes.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.PHONY: help setup demo test lint test-without-ipopt test-slow bench docs format clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       set up, fit a model to real data, print the summary, write pictures"
	@echo "make test       set up, then lint, types, import layers and all tests"
	@echo "make setup      .venv with limeform, Ipopt and the development tools; IPOPT= and PYTHON= choose, see setup.sh"
	@echo "make lint       ruff, mypy and the import layers"
	@echo "make test-slow  the tests too long for make test"
	@echo "make bench      speed and memory against other packages; writes benchmarks/RESULTS.md"
	@echo "make docs       docs/_build/html/index.html"
	@echo "make format     let ruff format and repair the code"
	@echo "make clean      remove .venv and everything else that make wrote"

setup:
	@sh setup.sh

demo: setup
	.venv/bin/limeform demo

lint: setup
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

test-without-ipopt: setup
	LIMEFORM_WITHOUT_IPOPT=1 $(PYTHON) -m pytest -q -m no_ipopt tests

test: lint test-without-ipopt
	$(PYTHON) -m pytest -n 2

test-slow: setup
	$(PYTHON) -m pytest -n 2 -m slow

bench: setup
	sh benchmarks/setup_peers.sh
	$(PYTHON) -m benchmarks

docs: setup
	@$(PYTHON) -c "import sphinx, myst_nb, numpydoc" 2>/dev/null || $(PYTHON) -m pip install -q --disable-pip-version-check -e '.[docs]'
	$(PYTHON) -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

format: setup
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

clean:
	rm -rf .venv .venv-* build dist docs/_build docs/generated docs/vignettes limeform-demo limeform-fit
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find limeform tests benchmarks docs vignettes -name __pycache__ -type d -prune -exec rm -rf {} +
