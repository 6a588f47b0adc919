#!/usr/bin/env bash
# What a GPU can show in a quarter of an hour, on a bare machine with torch, this project's libraries, and neither DVC nor
# MLflow: the tests that need a GPU, the benchmark, ten dense VAEs and ten β-VAEs of 1,200 units on the whole 64×64 grid
# (each ten in one loop) and their scores, and with what is left of the time CycleGAN at 128×128 on CamVid, if that lies
# in data/raw/camvid ({train,val}/{photo,label}).
#
#     scripts/gpu_quarter.sh [OUT]           OUT (default: gpu_quarter/) gets eight files at most
#     scripts/gpu_quarter.sh --tiny [OUT]    all of it in small, on a CPU, to see that it works
#
# No part takes longer than its time (--tiny: twenty times that), and one that fails stops only what needs it.
# SECONDS_IN_ALL (default: 700) bounds the whole; PYTHON names the interpreter.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
tiny=0 times=1
if [ "${1:-}" = --tiny ]; then
  tiny=1 times=20
  shift
fi
out=${1:-$root/gpu_quarter}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
ends=$(($(date +%s) + ${SECONDS_IN_ALL:-700} * times))
export TRIPTYCH_ROOT=$work TRIPTYCH_TRACKING=off PYTHONPATH=$root/src PYTHONUNBUFFERED=1 TRIPTYCH_CHECKPOINT_SECONDS=20
cd "$root" || exit 1
rm -f "$out"/{summary.txt,log.txt,cpu.json,cpu.md,gpu.json,gpu.md,shapes.json,streets.json,histories.csv,translations.png}

say() { echo "$*" | tee -a "$out/summary.txt"; }

# part NAME SECONDS COMMAND...: run it for that long, or for what is left
part() {
  local name=$1 limit=$(($2 * times)) began status left
  shift 2
  began=$(date +%s)
  left=$((ends - began))
  [ "$left" -lt "$limit" ] && limit=$left
  if [ "$limit" -lt 5 ]; then
    say "$name: not begun, the time is over"
    return 1
  fi
  echo "== $name" >> "$out/log.txt"
  { timeout -k 10 "$limit" "$@" >> "$out/log.txt" 2>&1; } 2> /dev/null
  status=$?
  case $status in
    0) say "$name: done in $(($(date +%s) - began)) s" ;;
    124 | 137) say "$name: stopped after $limit s" ;;
    *) say "$name: failed (status $status), see log.txt" ;;
  esac
  return $status
}

say "commit $(git rev-parse HEAD 2> /dev/null || echo unknown); $("$python" -c '
import torch
print("torch", torch.__version__, torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU")')"
missing=$("$python" - << 'END'
import importlib.util
needs = "torch torchvision numpy scipy pandas sklearn PIL matplotlib yaml pydantic safetensors tqdm pooch psutil pytest"
print(*(name for name in [*needs.split(), "threadpoolctl"] if importlib.util.find_spec(name) is None))
END
)
[ -n "$missing" ] && say "not installed: $missing"

TINY=$tiny "$python" scripts/gpu_quarter.py write "$work" || exit 1

# The grid is drawn on the CPU meanwhile.
part "prepare shapes" 420 "$python" stages/prepare.py shapes &
grid=$!
if [ $tiny = 1 ]; then
  part "tests that need a GPU" 60 "$python" -m pytest -o addopts= -q -p no:cacheprovider -m gpu tests/engine/test_gpu.py
  part "benchmark" 200 "$python" benchmarks/speed --quick --out "$out" --only dcgan_step
else
  part "tests that need a GPU" 90 "$python" -m pytest -o addopts= -q -p no:cacheprovider -m gpu \
    tests/engine/test_gpu.py tests/cyclegan/streets/test_street_rows.py
  part "benchmark" 150 "$python" benchmarks/speed --out "$out" --only dcgan_step dcgan_wide_step cyclegan_step vae_stack
fi
if wait $grid; then
  for row in vae beta_vae; do
    part "train $row" 120 "$python" stages/represent.py $row &&
      part "judge $row" 60 "$python" stages/disentangle.py $row
  done
fi
if part "prepare streets" 30 "$python" stages/prepare.py streets; then
  part "train the street reader" 45 "$python" stages/fcn.py
  part "train CycleGAN" $((ends - $(date +%s) - 25)) "$python" stages/translate.py cyclegan &&
    part "judge CycleGAN" 60 "$python" stages/fcn_score.py cyclegan
fi
"$python" scripts/gpu_quarter.py gather "$work" "$out"
say "files: $(ls "$out" | tr '\n' ' ')"
