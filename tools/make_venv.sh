#!/bin/sh
# Create .venv with $PYTHON or the first suitable Python, or say in one line what the host lacks.
set -eu

fail() {
    echo "error: $*" >&2
    exit 1
}

for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
    python=
done
[ -n "$python" ] ||
    fail "${PYTHON:-python3} is missing or older than 3.11: apt-get install python3, or set PYTHON"

package=$(basename "$python")
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no venv module: apt-get install $package-venv"
"$python" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' \
    2>/dev/null || fail "$python has no Python.h: apt-get install $package-dev"
command -v "${CC:-gcc}" >/dev/null || fail "no C compiler: apt-get install gcc, or set CC"

echo "creating .venv with $("$python" --version)"
"$python" -m venv .venv
