#!/usr/bin/env bash
# Runs benchmarks/gpu.py on a machine that may have no network: what its Python lacks is installed from wheels into a
# temporary folder. Usage: bash benchmarks/gpu.sh [--wheels FOLDER] [options of gpu.py]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}
GPU_STARTED=$(date +%s) # what installing takes counts towards --seconds
wheels=""
arguments=("$@")
for index in "${!arguments[@]}"; do
  case "${arguments[index]}" in
    --wheels) wheels=${arguments[index + 1]:-} ;;
    --wheels=*) wheels=${arguments[index]#--wheels=} ;;
  esac
done
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
if [ -n "$wheels" ]; then
  site=$(mktemp -d)
  # --upgrade: a wheel given is one wanted, whatever version is there. What cannot be installed may not be needed.
  "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "$site" "$wheels"/*.whl \
    || echo "gpu.sh: the wheels of $wheels could not be installed" >&2
  PYTHONPATH=$site:$PYTHONPATH
fi
export PYTHONPATH GPU_STARTED
exec "$python" "$root/benchmarks/gpu.py" "$@"
