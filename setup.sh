#!/bin/sh
# Install what tutti needs: .venv with the locked packages, and three things that pip cannot bring (FluidSynth, a
# sound bank, ffmpeg). Run it as often as you like: what is there already is left alone, and an installation that was
# killed is made again.
#
#   ./setup.sh        to run the pipeline
#   ./setup.sh dev    to run the tests too
set -eu
cd "$(dirname "$0")"

case "${1:-run}" in
    run) locks="requirements.lock" ;;
    dev) locks="requirements-dev.lock requirements.lock" ;;  # the first holds all of the second
    *) echo "usage: ./setup.sh [run|dev]" >&2; exit 2 ;;
esac
lock="${locks%% *}"
python=.venv/bin/python
interrupted=.venv/.interrupted  # stands there while packages are being written

say() { printf 'setup: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

# --- as administrator -------------------------------------------------------------------------------------------

# Prints the words that make a command run as root, fails when there are none.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then echo env
    elif command -v sudo >/dev/null 2>&1; then
        if sudo -n true 2>/dev/null; then echo "sudo -n env"
        elif [ -t 0 ]; then echo "sudo env"
        else return 1; fi
    else return 1; fi
}

# apt_install PACKAGE...: fails when this machine has no apt-get, or we may not use it.
apt_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    root=$(as_root) || return 1
    apt="$root DEBIAN_FRONTEND=noninteractive apt-get -q -y"
    log=$(mktemp)
    say "installing $* (apt-get)"
    if $apt install --no-install-recommends "$@" >"$log" 2>&1 \
        || { $apt update >"$log" 2>&1 && $apt install --no-install-recommends "$@" >>"$log" 2>&1; }; then
        rm -f "$log"
    else
        tail -n 20 "$log" >&2
        rm -f "$log"
        return 1
    fi
}

# --- Python -----------------------------------------------------------------------------------------------------

newest=$(sed -n 's/^requires-python = ">=3\.11,<3\.\([0-9]*\)"$/\1/p' pyproject.toml)

find_python() {
    for candidate in python3.12 python3.11 python3.13 python3; do
        if "$candidate" -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, $newest))" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    base=$(find_python) || stop "Python 3.11 up to 3.$((newest - 1)) is needed and is not on PATH. Install one with
    Debian, Ubuntu:  sudo apt-get install python3.11 python3.11-venv   (or python3.12 python3.12-venv)
    macOS:           brew install python@3.12
    conda:           conda create -n tutti python=3.12 && conda activate tutti"
    if ! "$base" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        version=$("$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        apt_install "python$version-venv" || stop "this Python has no venv module. Install it with
    sudo apt-get install python$version-venv
and run the same command again."
    fi
    rm -rf .venv
    "$base" -m venv .venv
}

digest() { "$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$1"; }

pip() { "$python" -m pip "$@" -q --disable-pip-version-check; }

# uv installs eight times as fast as pip (34 s against 287 s on two cores), but does not read pip's settings: where the
# packages come from a mirror that only pip knows, it fails and pip takes over.
fast_install() {
    pip install "$(grep '^uv==' requirements-dev.lock)" && .venv/bin/uv pip install -q --python "$python" -r "$lock" 2>/dev/null
}

# uv leaves compiling to the first import, which PYTHONDONTWRITEBYTECODE (usual in containers) forbids: then each process
# compiles TensorFlow anew, 7 s every time.
compile_packages() {
    PYTHONDONTWRITEBYTECODE='' TF_CPP_MIN_LOG_LEVEL=3 "$python" -c 'import dvc.cli, dvc.repo, keras, librosa, matplotlib.pyplot, mlflow
import pandas, pydub, scipy.stats, sklearn.ensemble, xgboost' >/dev/null 2>&1 || say "the packages could not be imported yet; going on"
}

# installed FILE: whether what FILE asks for was installed from its present content.
installed() { [ -f ".venv/.from-$1" ] && [ "$(cat ".venv/.from-$1")" = "$(digest "$1")" ]; }

install_packages() {
    if [ -e "$interrupted" ] || ! "$python" -m pip --version >/dev/null 2>&1; then make_venv; fi
    if installed "$lock" && installed pyproject.toml; then return; fi
    touch "$interrupted"
    if ! installed "$lock"; then
        say "installing the packages of $lock into .venv (a minute or two the first time)"
        fast_install || pip install -r "$lock"
    fi
    pip install --no-deps --no-build-isolation -e .
    compile_packages
    for file in $locks pyproject.toml; do digest "$file" >".venv/.from-$file"; done
    rm -f "$interrupted"
}

# --- what pip cannot bring --------------------------------------------------------------------------------------

has_fluidsynth() { "$python" -c 'import fluidsynth' >/dev/null 2>&1; }
has_bank() { "$python" -c 'from tutti.composition.banks import find_bank; find_bank("FluidR3_GM.sf2")' >/dev/null 2>&1; }
has_ffmpeg() { command -v ffmpeg >/dev/null 2>&1; }

missing() {
    has_fluidsynth || echo libfluidsynth3
    has_bank || echo fluid-soundfont-gm
    has_ffmpeg || echo ffmpeg
}

install_programs() {
    packages=$(missing)
    if [ -z "$packages" ]; then return; fi
    # shellcheck disable=SC2086,SC2116  # one word a package, and all on one line
    packages=$(echo $packages)
    # shellcheck disable=SC2086
    if apt_install $packages && [ -z "$(missing)" ]; then return; fi
    stop "these are missing and could not be installed from here: $packages. Install them with
    Debian, Ubuntu:  sudo apt-get install $packages
    macOS:           brew install fluid-synth ffmpeg
    conda:           conda install -c conda-forge fluidsynth ffmpeg
(with brew and conda, also put FluidR3_GM.sf2 into a folder and name the folder in TUTTI_SOUND_BANKS)
and run the same command again."
}

install_packages
install_programs
# DVC looks for Git; in a copy without it (a ZIP download) it must be told.
if [ ! -e .git ] && [ -d .dvc ] && [ ! -f .dvc/config.local ]; then .venv/bin/dvc config --local core.no_scm true; fi
