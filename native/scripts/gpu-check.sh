#!/usr/bin/env bash
# Everything that only a GPU can show: the tests of kernels against their references, compute-sanitizer, and the benches,
# whose figures go into one JSON file. Run it on a machine with a GPU; gpu-check.sh --help says how.
set -uo pipefail

usage() {
  cat <<'TEXT'
native/scripts/gpu-check.sh [OPTION…]

  --tests              the tests on the GPU
  --sanitizer          the same tests under compute-sanitizer, where it is installed
  --benches            the benches
                       Without any of these three, all of them.
  --only NAME          only tests and benches with NAME in their names
  --prebuilt PLACE     programs from a folder or archive made by carry-gpu-check.sh, instead of building them
  --out FILE           where the figures go (default: build/gpu-check.json)
  --time-limit SECONDS of every part (default: 300)

Exit status: 0; 1 when a test, a check or a bench failed; 2 when it cannot be run as asked; 3 when there is no GPU.
TEXT
}

refuse() {
  printf 'gpu-check: %s\n' "$1" >&2
  exit "${2:-2}"
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
run_tests='' run_sanitizer='' run_benches='' only='' prebuilt=''
out=$root/build/gpu-check.json
limit=300

while [ $# -gt 0 ]; do
  case $1 in
    --tests) run_tests=yes ;;
    --sanitizer) run_sanitizer=yes ;;
    --benches) run_benches=yes ;;
    --help | -h)
      usage
      exit 0
      ;;
    --only | --prebuilt | --out | --time-limit)
      [ $# -gt 1 ] || refuse "$1 needs a value."
      case $1 in
        --only) only=$2 ;;
        --prebuilt) prebuilt=$2 ;;
        --out) out=$2 ;;
        --time-limit) limit=$2 ;;
      esac
      shift
      ;;
    *) refuse "$1 is not known; --help lists the options." ;;
  esac
  shift
done
[[ $limit =~ ^[1-9][0-9]*$ ]] || refuse "--time-limit takes a whole number of seconds."
if [ -z "$run_tests$run_sanitizer$run_benches" ]; then
  run_tests=yes run_sanitizer=yes run_benches=yes
fi

work=$(mktemp -d) || refuse 'there is no place for temporary files.'
trap 'rm -rf "$work"' EXIT
logs=$work/logs
mkdir "$logs"

# --- programs

if [ -f "$prebuilt" ]; then
  mkdir "$work/programs"
  tar -xzf "$prebuilt" -C "$work/programs" || refuse "$prebuilt cannot be unpacked."
  prebuilt=$work/programs
fi
if [ -n "$prebuilt" ]; then
  bin=$(cd "$prebuilt" 2>/dev/null && pwd) || refuse "there is no folder $prebuilt."
  export LD_LIBRARY_PATH=$bin/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
else
  bin=$root/build/cuda
  (cd "$root" && cmake --preset cuda -S native && cmake --build "$bin" --parallel --target gpu-check) ||
    refuse 'the programs could not be built.'
fi
[ -x "$bin/squeeze-cuda-tests" ] || refuse "there is no $bin/squeeze-cuda-tests."
starts() { "$bin/squeeze-cuda-tests" --version >/dev/null 2>&1; }
if ! starts && [ -n "$prebuilt" ]; then export LD_LIBRARY_PATH=$bin/lib/cxx:$LD_LIBRARY_PATH; fi
starts || refuse "$bin/squeeze-cuda-tests does not start: $("$bin/squeeze-cuda-tests" --version 2>&1 | head -n 3)"
# Models and texts that some tests compare with lie in the repository or beside it; the programs look where they were built.
for shared in "$root/shared" "$root/../shared"; do
  if [ -z "${SQUEEZE_SHARED:-}" ] && [ -d "$shared" ]; then export SQUEEZE_SHARED=$shared; fi
done

failed=0

heading() { printf '\n── %s\n' "$1"; }

# limited LOG COMMAND…: runs it for at most the time limit, shows and keeps what it says, gives its status (124: time is up).
limited() {
  local log=$1
  shift
  timeout --kill-after=10 "$limit" "$@" 2>&1 | tee "$log"
  return "${PIPESTATUS[0]}"
}

# verdict NAME STATUS: says how it ended, and remembers a failure.
verdict() {
  case $2 in
    0) printf '%s: passed\n' "$1" ;;
    124 | 137)
      printf '%s: STOPPED after %s s\n' "$1" "$limit"
      failed=1
      ;;
    *)
      printf '%s: FAILED (exit %s)\n' "$1" "$2"
      failed=1
      ;;
  esac
}

# --- tests

cases="device:*$only${only:+*}"

if [ -n "$run_tests" ]; then
  heading "Tests ($cases)"
  limited "$logs/tests" "$bin/squeeze-cuda-tests" --no-colors "-tc=$cases"
  verdict 'Tests' $?
  if grep -q '^SKIPPED a device case: ' "$logs/tests"; then
    refuse "$(sed -n 's/^SKIPPED a device case: //p' "$logs/tests" | head -n 1)" 3
  fi
fi

# --- compute-sanitizer

sanitizer=$(command -v compute-sanitizer || true)
if [ -z "$sanitizer" ] && [ -x "${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer" ]; then
  sanitizer=${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer
fi

if [ -n "$run_sanitizer" ] && [ -z "$sanitizer" ]; then
  heading 'compute-sanitizer'
  echo 'SKIPPED: it is not installed.'
elif [ -n "$run_sanitizer" ]; then
  # Tests are small, since they also run emulated. Those of whole models and of every number are not, and the kernels in
  # them have tests of their own.
  for tool in memcheck racecheck initcheck synccheck; do
    heading "compute-sanitizer: $tool"
    limited "$logs/$tool" "$sanitizer" --tool "$tool" --error-exitcode 86 --print-limit 20 \
      "$bin/squeeze-cuda-tests" --no-colors "-tc=$cases" '-tce=*(tier D)*,*every 16-bit pattern*' >/dev/null
    status=$?
    if [ "$status" -ne 0 ]; then grep -v '^\[doctest\] \(doctest\|run\)' "$logs/$tool" | tail -n 60; fi
    if [ "$status" -eq 124 ]; then
      printf '%s: nothing found in %s s; not finished\n' "$tool" "$limit"
    else
      verdict "$tool" "$status"
    fi
  done
fi

# --- benches

# query FIELD: of the first GPU; nothing where nvidia-smi is not there or does not know it.
query() {
  command -v nvidia-smi >/dev/null || return 0
  nvidia-smi --id=0 --query-gpu="$1" --format=csv,noheader 2>/dev/null | head -n 1 | grep -v 'N/A\|not a valid' | tr -d '"\\'
}

# A flat JSON object a line → a table for each list of keys. What is nested stays as it is written.
table() {
  awk '
    function add_cell(key, value) { count++; keys[count] = key; values[count] = value }
    function flush_table(  r, c) {
      for (r = 0; r < rows; r++) {
        line = ""
        for (c = 1; c <= columns; c++) line = line sprintf("%-" (width[c] + 2) "s", cell[r, c])
        sub(/ +$/, "", line)
        print line
      }
      if (rows > 0) print ""
      rows = 0; columns = 0; split("", width)
    }
    function add_row(list, n,  c) {
      for (c = 1; c <= n; c++) {
        cell[rows, c] = list[c]
        if (length(list[c]) > width[c]) width[c] = length(list[c])
      }
      rows++
    }
    {
      count = 0; text = ""; key = ""; depth = 0; quoted = 0
      for (i = 1; i <= length($0); i++) {
        ch = substr($0, i, 1)
        if (quoted) {
          if (ch == "\\") { text = text ch substr($0, ++i, 1); continue }
          if (ch == "\"") { quoted = 0; if (depth > 1) text = text ch; continue }
          text = text ch
        } else if (ch == "\"") { quoted = 1; if (depth > 1) text = text ch }
        else if (ch == "{" || ch == "[") { if (depth++ > 0) text = text ch }
        else if (ch == "}" || ch == "]") { if (--depth > 0) text = text ch }
        else if (ch == ":" && depth == 1) { key = text; text = "" }
        else if (ch == "," && depth == 1) { add_cell(key, text); text = "" }
        else if (ch != " " || depth > 1) text = text ch
      }
      add_cell(key, text)
      signature = ""
      for (c = 1; c <= count; c++) signature = signature "\t" keys[c]
      if (signature != last) { flush_table(); columns = count; add_row(keys, count); last = signature }
      add_row(values, count)
    }
    END { flush_table() }
  ' "$1"
}

if [ -n "$run_benches" ]; then
  : >"$logs/figures"
  clocks_before=$(query clocks.sm,clocks.mem)
  for bench in "$bin"/*_device_bench; do
    name=$(basename "$bench")
    if [ ! -x "$bench" ] || [[ $name != *"$only"* ]]; then continue; fi
    heading "$name"
    limited "$logs/$name" "$bench" | grep -v '^JSON '
    verdict "$name" "${PIPESTATUS[0]}"
    sed -n 's/^JSON //p' "$logs/$name" >>"$logs/figures"
  done

  mkdir -p "$(dirname "$out")" || refuse "$out cannot be written."
  {
    printf '{\n  "date": "%s",\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf '  "device": "%s",\n  "driver": "%s",\n' "$(query name)" "$(query driver_version)"
    printf '  "clocks": { "before": "%s", "after": "%s", "max": "%s" },\n' \
      "$clocks_before" "$(query clocks.sm,clocks.mem)" "$(query clocks.max.sm,clocks.max.mem)"
    printf '  "powerLimit": "%s",\n  "figures": [\n' "$(query power.limit)"
    sed 's/^/    /; $!s/$/,/' "$logs/figures"
    printf '  ]\n}\n'
  } >"$out" || refuse "$out cannot be written."
  heading 'Figures'
  table "$logs/figures"
  printf '%s\n' "$out"
fi

exit "$failed"
