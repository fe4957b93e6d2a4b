#!/usr/bin/env bash
# Installs the wheel in bare Debian 12 and 13 and the Debian package in the release it is for, runs the same commands there
# and with the built program here, all without network, and compares every output, table and error line.
#
# usage: check_packages.sh PROGRAM MODEL.onnx CLIP DIST ROOTS    as root
set -euo pipefail
program=$(realpath "$1") model=$(realpath "$2") clip=$(realpath "$3") dist=$(realpath "$4")
here=$(dirname "$(realpath "$0")")
mkdir -p "$5"
roots=$(realpath "$5")
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
wheel=$(echo "$dist"/vitvideo-*.whl) deb=$(echo "$dist"/vitvideo_*.deb)
python=$roots/../venv/bin/python
passed=0 failed=0

# try WHAT COMMAND…: a command that has to succeed.
try() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $what"
  fi
}

# A clean copy of the bare system of a release, with what is tried in /work.
prepare() {
  "$here/bare_root.sh" "$1" "$roots/$1"
  rm -rf "$roots/root"
  cp -a "$roots/$1" "$roots/root"
  mkdir "$roots/root/work"
  cp -a "$roots/media" "$roots/root/work/in"
  cp "$clip" "$roots/root/work/clip.mp4"
  cp "$model" "$wheel" "$deb" "$here/check_commands.sh" "$roots/root/work/"
}

# In the root, with /proc and /dev of its own and, unless told `online`, without network.
inside() {
  local network=--net
  [ "$1" != online ] || { network=; shift; }
  # shellcheck disable=SC2086
  unshare --mount --pid --fork $network sh -euc '
    root=$1; shift
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 chroot "$root" "$2" -euc "cd /work; $1"
  ' sh "$roots/root" "$1" "${2:-sh}"
}

# Fails with the libraries, of the wheel's files and what they need, that are neither of the wheel nor glibc's.
holds_all() {
  local linked
  linked=$(inside "find /venv -path '*vitvideo/bin/vitvideo' -o -path '*vitvideo/lib/*.so*' | xargs -n 1 ldd") \
    && ! grep -vE '=> /venv/|linux-vdso|ld-linux|/lib(c|m|mvec|dl|rt|pthread|resolv|util)\.so\.' <<< "$linked"
}

# Matroska files hold random numbers: their packets are compared.
packets() {
  for file in "$1"/*.mkv "$1"/*.webm; do
    ffmpeg -v error -i "$file" -map 0 -c copy -f framemd5 "$file.packets"
    rm "$file"
  done
}

same() {
  packets "$roots/root/work/out"
  diff -rq "$roots/expected/out" "$roots/root/work/out"
}

echo "here: $program"
"$here/check_media.sh" "$roots/media"
rm -rf "$roots/expected"
mkdir -p "$roots/expected/bin" "$roots/expected/cache/vitvideo"
ln -s "$program" "$roots/expected/bin/vitvideo"
cp -a "$roots/media" "$roots/expected/in"
cp "$clip" "$roots/expected/clip.mp4"
(cd "$roots/expected" && unshare --net env -i HOME="$PWD" XDG_CACHE_HOME="$PWD/cache" LANG=C.UTF-8 \
  PATH="$PWD/bin:/usr/bin:/bin" sh -euc "vitvideo models import $model --as dinov2_vits14 > model; $here/check_commands.sh")
packets "$roots/expected/out"
try "the built program itself" sh -c '! grep -vE "^(read-|missing|codec|extension|usage|network|download)|0$" "$0"' \
  "$roots/expected/out/codes"

# auditwheel finds the same tag, and with it no library that is missing.
tag=${wheel%.whl} tag=${tag##*-}
try "auditwheel: $tag" grep -q "platform tag to \"$tag\"" \
  <(PATH=$roots/../venv/bin:$PATH "$python" -m auditwheel show "$wheel" | tr '\n' ' ')

for suite in bookworm trixie; do
  echo "wheel: $suite"
  prepare $suite
  version=$(inside 'python3 -c "import sys; print(\"%d.%d\" % sys.version_info[:2])"')
  "$python" -m pip download --quiet --disable-pip-version-check --only-binary :all: --python-version "$version" \
    --dest "$roots/root/work" 'numpy<3'
  try "$suite: pip install" \
    inside 'python3 -m venv /venv; /venv/bin/pip install --quiet --no-index --find-links . vitvideo-*.whl'
  try "$suite: libraries that are not of the wheel" holds_all
  try "$suite: commands" \
    inside 'PATH=/venv/bin:$PATH; vitvideo models import *.onnx --as dinov2_vits14 > model; sh ./check_commands.sh'
  try "$suite: outputs as of the built program" same
  try "$suite: the module" inside '/venv/bin/python -c "
import numpy, vitvideo
module = vitvideo.attention(\"clip.mp4\", frames=slice(75, 79), resolution=224)
file = numpy.load(\"out/npz.npz\")
assert module.attention.shape == (4, 6, 16, 28), module.attention.shape
assert numpy.array_equal(module.attention, file[\"attention\"])
"'
done

echo "deb: $release"
prepare "$release"
install() {
  inside online 'apt-get -qq update; apt-get -qq install -y --no-install-recommends ./vitvideo_*.deb' > "$roots/apt.log" 2>&1
}
try "$release: installation, see $roots/apt.log" install
try "$release: commands" \
  inside 'vitvideo models import *.onnx --as dinov2_vits14 > model; sh ./check_commands.sh'
try "$release: outputs as of the built program" same
try "$release: completions" inside '. /usr/share/bash-completion/completions/vitvideo' bash
try "$release: removal" inside '
  dpkg -L vitvideo > files
  while read -r file; do [ -e "$file" ]; done < files
  apt-get -qq purge -y vitvideo > /dev/null
  while read -r file; do [ -d "$file" ] || [ ! -e "$file" ]; done < files
  ! [ -e /usr/share/doc/vitvideo ]
  ! dpkg -s vitvideo > /dev/null 2>&1'

rm -rf "$roots/root"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
