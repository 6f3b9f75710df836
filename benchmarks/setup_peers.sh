#!/bin/sh
# Installs the packages that limeform is measured against, apart from limeform's own environment: the Python ones into
# .venv-peers, R's from Debian where this runs as root. What cannot be installed is named and left out; the benchmarks
# report it as absent. Usage, from the root of the checkout: sh benchmarks/setup_peers.sh
set -u
missing=""

[ -x .venv-peers/bin/python ] || "${PYTHON:-python3}" -m venv .venv-peers || exit 1
for peer in statsmodels==0.15.0 mixedlm==1.3.0 lme-python==0.2.7 limetr==0.0.8 mrtool==0.2.2; do
    .venv-peers/bin/python -m pip install --quiet --disable-pip-version-check "$peer" || missing="$missing $peer"
done

# OpenBLAS takes the place of R's reference BLAS as soon as it is installed (update-alternatives).
has_r_peers() { Rscript -e 'library(lme4); library(metafor); library(jsonlite)' >/dev/null 2>&1; }
has_openblas() { Rscript -e 'stopifnot(grepl("openblas", extSoftVersion()[["BLAS"]]))' >/dev/null 2>&1; }
if ! { has_r_peers && has_openblas; }; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq --no-install-recommends \
            r-base-core r-cran-lme4 r-cran-metafor r-cran-jsonlite libopenblas0-pthread
    fi
    has_r_peers || missing="$missing R:lme4,metafor,jsonlite"
    has_openblas || missing="$missing R:OpenBLAS"
fi

[ -z "$missing" ] && echo "All peers are installed." || echo "Not installed:$missing"
