#!/bin/sh
# Say what a Raspberry Pi downloads for `pip install 'soutu-client[pi]'`: one table for each Python of its systems (bookworm has 3.11,
# trixie 3.13), all of them wheels, so that no compiler is needed. It asks the package registry, and changes nothing.
# DEPLOY_PYTHONS="3.11 3.13" chooses the Pythons, DEPLOY_EXTRA the extra.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
extra=${DEPLOY_EXTRA:-pi}

for each in protos clients; do
  .venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$work/own" "./$each" 2>>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
done
for python in ${DEPLOY_PYTHONS:-3.11 3.13}; do
  folder="$work/$python"
  # What glibc 2.28 and newer runs: bookworm has 2.36. pip takes each name for itself.
  if ! .venv/bin/python -m pip download --quiet --disable-pip-version-check --only-binary=:all: --implementation cp \
    --python-version "$python" --platform manylinux_2_28_aarch64 --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 \
    --constraint deploy/constraints.txt --dest "$folder" "$work"/own/soutu_protos-*.whl \
    "$(ls "$work"/own/soutu_client-*.whl)[$extra]" 2>>"$work/log"; then
    cat "$work/log" >&2
    echo "Python $python, arm64：有的包没有 wheel · not all of it has wheels" >&2
    exit 1
  fi
  .venv/bin/python - "$folder" "$python" <<'PYTHON'
import sys
from pathlib import Path

wheels = sorted(Path(sys.argv[1]).iterdir(), key=lambda path: -path.stat().st_size)
assert all(path.suffix == ".whl" for path in wheels), wheels
print(f"Python {sys.argv[2]}, arm64: {len(wheels)} wheels, {sum(path.stat().st_size for path in wheels) / 1e6:.1f} MB")
for path in wheels:
    print(f"  {path.stat().st_size / 1e6:7.2f} MB  {path.name}")
PYTHON
done
