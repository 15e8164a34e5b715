#!/usr/bin/env bash
# bench/gpu.py on a machine with a GPU and no network: bench/gpu.sh OUT TRIPS [OPTIONS OF `run`]
# TRIPS is the folder with carried-000, carried-001, ... that `gpu.py prepare` made.
set -uo pipefail
out=$(realpath -m "${1:?bench/gpu.sh OUT TRIPS [--part N]}")
trips=$(realpath -m "${2:?bench/gpu.sh OUT TRIPS [--part N]}")
shift 2
cd "$(dirname "$0")/.."
carried=$trips/carried
venv=$trips/venv

if [ ! -e "$carried/complete" ]; then
  mkdir -p "$carried"
  cat "$trips"/carried-[0-9][0-9][0-9] | tar -x -C "$carried" && touch "$carried/complete"
fi
if [ ! -x "$venv/bin/python" ]; then
  # It sees what the machine has, so that only what is carried is installed; a part that cannot be
  # installed is missing in the steps that need it, and in no other.
  python3 -m venv --system-site-packages "$venv"
  for wheel in "$carried"/wheels/*.whl; do
    case $wheel in */fastthumb-*) continue ;; esac
    "$venv/bin/pip" install -q --no-index --no-deps "$wheel" || echo "not installed: $wheel"
  done
fi
exec "$venv/bin/python" bench/gpu.py run "$out" --carried "$carried" "$@"
