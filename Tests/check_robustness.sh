#!/bin/bash
# Runs every robustness test in full, and every test under both sanitizers, and prints one table.
# Usage: check_robustness.sh [scratch path of the build]
#
# Two lanes run side by side, for the tests wait for programs much of the time. Each part has a bound of its own, which
# leaves room for a machine half as fast. A part that reaches its bound is stopped and named, the rest goes on, and the
# table's rows count what the part had tried until then.
set -uo pipefail
cd "$(dirname "$0")/.."
scratch=${1:-.build-tests}
work=$(mktemp -d)
part=  # the process of the part that runs
trap 'kill $part $(jobs -p) 2> /dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
status=0

# bounded minutes name command...: runs a part, and says how long it took.
bounded() {
  local minutes=$1 name=$2 start=$SECONDS code=0
  shift 2
  timeout --kill-after=10 "${minutes}m" "$@" &
  part=$!
  wait "$part" || code=$?
  part=
  ((code == 0)) || status=1
  case $code in
    124 | 137) echo "$name: stopped at its bound of $minutes minutes; its rows count what it had tried until then" ;;
    *) echo "$name: $((SECONDS - start)) seconds$( ((code == 0)) || echo ", failed")" ;;
  esac >> "$work/parts"
}

# under sanitizer minutes: the whole suite, in its short form, whose counts of damage are not those of this table.
under() {
  bounded "$2" "tests under the $1 sanitizer" env -u VITVIDEO_ROBUSTNESS VITVIDEO_ROBUSTNESS_TABLE="$work/$1" \
    Tests/check_sanitizer.sh "$1" --skip-build > "$work/$1.log" 2>&1
}

# rows sanitizer: what of that belongs into this table.
rows() {
  local tests='^[^ ]+ Test [^ ]+\(.*\)|^[^ ]+ Test "'
  grep '^growth: leaks' "$work/$1"
  printf 'sanitizers: tests under the %s sanitizer\t%d\t%d\n' "$1" \
    "$(grep -E "$tests" "$work/$1.log" | grep -c ' started\.$')" \
    "$(grep -E "$tests" "$work/$1.log" | grep -c ' passed after ')"
}

export VITVIDEO_ROBUSTNESS=thorough VITVIDEO_ROBUSTNESS_TABLE=$work/table
(
  trap 'kill $part 2> /dev/null; exit 130' INT TERM
  trap - EXIT
  VITVIDEO_ROBUSTNESS_TABLE=$work/parsers bounded 30 'parsers under the address sanitizer' \
    Tests/check_sanitizer.sh address --skip-build --filter 'CheckpointsTests.FuzzTests|GraphTests.GraphFuzzTests|DatasetsTests.SourceFuzzTests'
  under address 75
  exit "$status"
) > "$work/parsers.log" 2>&1 &
address=$!
bounded 80 'damage in full' swift test -c release --scratch-path "$scratch" -Xswiftc -enable-testing --skip-build \
  --filter 'EndToEndTests.Robustness|ResourceTests|StillGoldenTests'
# The slowest comes when the rest is nearly done.
under thread 60
wait "$address" || status=1
cat "$work"/{parsers,address,thread}.log
{
  cat "$work/parsers"
  rows address
  rows thread
} >> "$work/table"

awk -F '\t' '
  { tried[$1] += $2; passed[$1] += $3; all += $2; good += $3 }
  END {
    for (name in tried) printf "%-56s %9d %9d\n", name, tried[name], passed[name] | "sort"
    close("sort")
    printf "%-56s %9d %9d\n", "all", all, good
    exit all == 0 || good < all
  }' "$work/table" > "$work/text" || status=1
cat "$work/parts"
printf '%-56s %9s %9s\n' class tried passed
cat "$work/text"
exit $status
