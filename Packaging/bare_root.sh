#!/usr/bin/env bash
# Makes a bare system of a Debian release with python3-venv and no more, from the mirror that apt has.
#
# usage: bare_root.sh SUITE DIRECTORY
set -euo pipefail
[ ! -f "$2/complete" ] || exit 0
mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' \
  | sed -n 's/^Debian //p' | head -n 1)
rm -rf "$2"
mkdir -p "$2"
debootstrap --variant=minbase --include=python3-venv "$1" "$2" "$mirror" > "$2.log" 2>&1
touch "$2/complete"
