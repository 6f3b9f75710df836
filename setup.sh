#!/bin/sh
# Prepares .venv for work on a checkout: limeform (editable), the development tools, and cyipopt with an Ipopt to call.
# `make setup` runs it; when nothing has changed since the last time it ends at once.
#   PYTHON=python3.12 make setup   takes that interpreter (else the first new enough of python3, python3.14, ...)
#   IPOPT=wheels make setup        forces a route to Ipopt (else the first of these that works):
#     conda    an environment from conda-forge, cyipopt ready made (written without a machine to try it on)
#     system   the Ipopt that is installed, if a trial program compiles and links against it
#     brew     Homebrew's Ipopt (written without a machine to try it on)
#     apt      Debian's or Ubuntu's packages: as root, or where sudo asks for no password
#     wheels   cyipopt-wheels from PyPI, Ipopt inside, built by a third party; for Python 3.13 and older
#     casadi   the Ipopt inside PyPI's casadi; needs a C compiler and Python's headers
set -eu
routes="conda system brew apt wheels casadi"
cd "$(dirname "$0")"
here=$(pwd -P)
stamp=.venv/limeform-setup # three lines: what .venv was made from, the route to Ipopt, the Python asked for
key="$(cat pyproject.toml setup.sh | cksum) $here"

say() { echo "setup: $*"; }
stop() { echo "setup: $*" >&2; exit 1; }
was() { sed -n "$1p" "$stamp" 2>/dev/null || true; }
unchanged() { # $1: a wish, empty for none; $2: the line of the stamp that says what it was
    [ -z "$1" ] || [ "$1" = "$(was "$2")" ]
}
whole() { # finished, made in this place, and its Python still there
    [ "$(was 1)" != unfinished ] && grep -qF "$here/.venv/" .venv/bin/pip 2>/dev/null && inside ''
}
inside() { .venv/bin/python -c "$@" 2>/dev/null; }
pip_install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }

apt_install() {
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" = 0 ]; then root=env; elif sudo -n true 2>/dev/null; then root="sudo -n env"; else return 1; fi
    say "apt-get install $*"
    $root apt-get update -qq </dev/null || true # the lists of last time may still serve
    $root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 \
        "$@" </dev/null >/dev/null
}

find_python() {
    for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        "$python" -c 'import sys, ssl, zlib, ctypes; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    done
    return 1
}

make_venv() {
    find_python || { apt_install python3 && find_python; } ||
        stop "no Python 3.11 or newer found; name one: PYTHON=/path/to/python make setup"
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    say "making .venv with $(command -v "$python") (Python $version); this takes a minute or two"
    # Debian keeps ensurepip, without which a new environment has no pip, in a package of its own.
    "$python" -c 'import ensurepip' 2>/dev/null || apt_install "python$version-venv" ||
        stop "$python cannot make environments: install python$version-venv, or name another Python with PYTHON="
    mkdir .venv && echo unfinished >"$stamp" && "$python" -m venv .venv
}
prepare() { # everything but cyipopt
    [ -d .venv ] || make_venv
    pip_install -e '.[dev]'
}

links() { # pkg-config alone does not tell: Debian 12 names LAPACK among Ipopt's libraries and does not install it
    command -v cc >/dev/null && pkg-config --exists ipopt 2>/dev/null || return 1
    headers=$(inside 'import sysconfig; print(sysconfig.get_path("include"))') && trial=$(mktemp) &&
        printf '#include <Python.h>\nint main(void) { return 0; }\n' |
        cc -x c - -I"$headers" $(pkg-config --cflags --libs ipopt) -o "$trial" 2>/dev/null && rm -f "$trial"
}
compile() { # without pip's cache, where there may be a build that is bound to another Ipopt
    say "compiling cyipopt" && pip_install --no-cache-dir "cyipopt>=1.5"
}
solves() {
    inside 'import cyipopt; assert cyipopt.minimize_ipopt(lambda x: (x[0] - 1.0) ** 2, [0.0]).success' >/dev/null
}

by_conda() {
    conda=$(command -v micromamba || command -v mamba || command -v conda) || return 1
    say "making .venv with $conda" && rm -rf .venv
    "$conda" create -y -q -p "$here/.venv" --override-channels -c conda-forge "python>=3.11" pip cyipopt &&
        echo unfinished >"$stamp" && prepare || { rm -rf .venv && return 1; }
}
by_system() { links && compile; }
by_brew() { command -v brew >/dev/null && brew install --quiet ipopt pkgconf && links && compile; }
by_apt() {
    headers=$(inside 'import sys; print(("python%d.%d-dev" % sys.version_info[:2]) * (sys.base_prefix == "/usr"))')
    apt_install gcc libc6-dev pkg-config coinor-libipopt-dev liblapack-dev $headers && links && compile
}
by_wheels() { pip_install --only-binary=:all: "cyipopt-wheels>=1.7.0.dev0"; }
by_casadi() { # a stand-in for pkg-config points the build at the headers and the library inside the casadi wheel
    command -v cc >/dev/null && pip_install --only-binary=:all: "casadi>=3.7" || return 1
    donor=$(inside 'import sysconfig; print(sysconfig.get_path("purelib"))')/casadi
    stand_in=$(mktemp -d)
    printf '#!/bin/sh\necho "-I%s/include/coin-or -L%s -lipopt"\n' "$donor" "$donor" >"$stand_in/pkg-config"
    chmod +x "$stand_in/pkg-config" && PATH="$stand_in:$PATH" LDFLAGS="-Wl,-rpath,$donor" compile && rm -r "$stand_in"
}

case " $routes " in
*" ${IPOPT:-system} "*) ;;
*) stop "IPOPT=$IPOPT is not a route; the routes are: $routes" ;;
esac
[ -z "${PYTHON:-}" ] || find_python || stop "PYTHON=$PYTHON does not run, or is older than 3.11"
[ ! -e .venv ] || [ -f "$stamp" ] || stop "$here/.venv was not made by this script; move it away first"
unchanged "${IPOPT:-}" 2 && unchanged "${PYTHON:-}" 3 && whole || rm -rf .venv
[ "$(was 1)" != "$key" ] || exit 0

route=$(was 2)
asked_for=${PYTHON:-$(was 3)}
[ -z "$route" ] || prepare
if [ -z "$route" ] || ! solves; then
    for route in ${IPOPT:-$routes} none; do
        [ "$route" != none ] || stop "no route to Ipopt worked (${IPOPT:-$routes}); setup.sh says what each needs"
        [ "$route" = conda ] || [ -d .venv ] || prepare
        if "by_$route" && solves; then break; fi
        [ ! -d .venv ] || .venv/bin/python -m pip uninstall -q -y cyipopt cyipopt-wheels 2>/dev/null
    done
fi
printf '%s\n' "$key" "$route" "$asked_for" >"$stamp"
say "ready, Ipopt by the route '$route'"
