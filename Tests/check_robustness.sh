#!/bin/bash
# Runs every robustness test in full, and every test under both sanitizers, and prints one table.
# Usage: check_robustness.sh [scratch path of the build]
#
# Half an hour is the limit; building, which `make check-robustness` does before, is not part of it.
set -uo pipefail
cd "$(dirname "$0")/.."
scratch=${1:-.build-tests}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
deadline=$((SECONDS + 1800))
status=0

# limited command...: what is left of the time.
limited() {
  local start=$SECONDS
  timeout --kill-after=10 $((deadline > SECONDS ? deadline - SECONDS : 1)) "$@" || status=1
  echo "$((SECONDS - start)) seconds: $*" >> "$work/seconds"
}

# under sanitizer: the whole suite, in its short form, whose counts of damage are not those of this table.
under() {
  VITVIDEO_ROBUSTNESS_TABLE=$work/$1 limited \
    Tests/check_sanitizer.sh "$1" --skip-build --xunit-output "$work/$1.xml"
}

# rows sanitizer: what of that belongs into this table.
rows() {
  grep '^growth: leaks' "$work/$1"
  # <testsuite name="TestResults" errors="0" tests="400" failures="0" …>
  sed -nE 's/.*<testsuite .*tests="([0-9]+)" failures="([0-9]+)".*/\1 \2/p' "$work/$1-swift-testing.xml" |
    while read -r tests failures; do
      printf 'sanitizers: tests under the %s sanitizer\t%d\t%d\n' "$1" "$tests" $((tests - failures))
    done
}

# Two at once, for the tests wait for programs much of the time; the thread sanitizer, which is the slowest, comes when
# the rest is nearly done.
export VITVIDEO_ROBUSTNESS=thorough VITVIDEO_ROBUSTNESS_TABLE=$work/table
{
  # The parsers of weights.
  VITVIDEO_ROBUSTNESS_TABLE=$work/parsers limited \
    Tests/check_sanitizer.sh address --skip-build --filter 'CheckpointsTests.FuzzTests'
  unset VITVIDEO_ROBUSTNESS
  under address
  exit "$status"
} > "$work/address.log" 2>&1 &
address=$!
limited swift test -c release --scratch-path "$scratch" -Xswiftc -enable-testing --skip-build \
  --filter 'EndToEndTests.Robustness|ResourceTests'
unset VITVIDEO_ROBUSTNESS
under thread
wait "$address" || status=1
cat "$work/address.log"
{ cat "$work/parsers"; rows address; rows thread; } >> "$work/table"

awk -F '\t' '
  { tried[$1] += $2; passed[$1] += $3; all += $2; good += $3 }
  END {
    for (name in tried) printf "%-56s %9d %9d\n", name, tried[name], passed[name] | "sort"
    close("sort")
    printf "%-56s %9d %9d\n", "all", all, good
    exit all == 0 || good < all
  }' "$work/table" > "$work/text" || status=1
cat "$work/seconds"
printf '%-56s %9s %9s\n' class tried passed
cat "$work/text"
exit $status
