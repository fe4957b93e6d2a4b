#!/bin/bash
# Runs every robustness test in full and prints one table. Usage: check_robustness.sh [scratch path of the build]
#
# The parsers of weights are built with the address sanitizer, everything else as `make test` builds it. Half an
# hour is the limit of the whole.
set -uo pipefail
cd "$(dirname "$0")/.."
scratch=${1:-.build-tests}
table=$(mktemp)
trap 'rm -f "$table"' EXIT
export VITVIDEO_ROBUSTNESS=thorough VITVIDEO_ROBUSTNESS_TABLE=$table
deadline=$((SECONDS + 1800))
status=0

# limited command...: what is left of the half hour.
limited() {
  timeout --kill-after=10 $((deadline > SECONDS ? deadline - SECONDS : 1)) "$@" || status=1
}

limited swift test -c release --scratch-path "$scratch" -Xswiftc -enable-testing --skip-build \
  --filter 'EndToEndTests.Robustness'
# The test libraries themselves leave some memory behind at the end, which is not what is looked for here.
ASAN_OPTIONS=detect_leaks=0 limited swift test -c release --scratch-path "$scratch-asan" \
  -Xswiftc -enable-testing --sanitize address --filter 'CheckpointsTests.FuzzTests'

awk -F '\t' '
  { tried[$1] += $2; passed[$1] += $3; all += $2; good += $3 }
  END {
    for (name in tried) printf "%-56s %9d %9d\n", name, tried[name], passed[name] | "sort"
    close("sort")
    printf "%-56s %9d %9d\n", "all", all, good
    exit all == 0 || good < all
  }' "$table" > "$table.text" || status=1
printf '%-56s %9s %9s\n' class tried passed
cat "$table.text"
rm -f "$table.text"
exit $status
