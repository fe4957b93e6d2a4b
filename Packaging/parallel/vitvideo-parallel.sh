#!/bin/bash
# Divides a job of vitvideo over machines by GNU parallel, and joins it when all parts are there.
#
#     vitvideo-parallel.sh 16 --sshloginfile hosts --workdir . -- long.mp4 -o out.mp4 --export maps.npz
#
# The first word is the number of parts; options of parallel follow, and vitvideo's arguments after `--`. Hosts see the
# directory under the same path. Each takes a part at a time, with all its cores; a part that fails is tried three
# times, on another host where there is one. VITVIDEO names the program where it is not vitvideo.
set -euo pipefail

program=${VITVIDEO:-vitvideo}
parts=${1:?"the number of parts comes first"}
shift
options=()
while [[ ${1?"vitvideo's arguments come after --"} != -- ]]; do
    options+=("$1")
    shift
done
shift

# Parallel leaves the words as they are (--quote) but for its own marks, here one that no argument has.
seq "$parts" | parallel --quote -I '{part}' --jobs 1 --retries 3 --line-buffer "${options[@]}" \
    "$program" "$@" --resume --part "{part}/$parts"
# What a scale that follows the frames leaves to draw is drawn here.
exec "$program" "$@" --resume
