#!/bin/bash
# Runs the whole test suite under a sanitizer: check_sanitizer.sh address|thread [options of swift test]
#
# The package's Swift and C are instrumented, in the tests and in the program that they run; libraries are not. What
# the sanitizer finds in the program makes its exit code one that no test expects. Files in Tests/Sanitizers name what
# other people's libraries do, with the reasons. The second that the thread sanitizer waits whenever a program ends is
# left out: it finds races of threads that outlive the end, and the program is run very often.
set -euo pipefail
cd "$(dirname "$0")/.."
lists=$PWD/Tests/Sanitizers
export ASAN_OPTIONS=exitcode=86 TSAN_OPTIONS=exitcode=86:atexit_sleep_ms=0:suppressions=$lists/races.supp
export LSAN_OPTIONS=print_suppressions=0:suppressions=$lists/leaks.supp
exec swift test -c release --scratch-path ".build-$1" -Xswiftc -enable-testing --sanitize "$1" "${@:2}"
