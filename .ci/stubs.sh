#!/usr/bin/env bash
# stubs.sh PYTHON FOLDER: writes the stub of the installed core to FOLDER/_core.pyi.
# To renew the one in the repository: .ci/stubs.sh python python/fastthumb
set -euo pipefail
python=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"  # not in a checkout, whose uncompiled package would hide the installed one
"$python" -m pybind11_stubgen fastthumb._core --output-dir "$work" --exit-code \
  --numpy-array-use-type-var >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
cp "$work/fastthumb/_core.pyi" "$folder/_core.pyi"
