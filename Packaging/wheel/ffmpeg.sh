#!/usr/bin/env bash
# Builds FFmpeg from Debian's source of the installed version, without what vitvideo never uses: every native codec,
# demuxer and muxer, the libraries and filters named below, no devices, no programs.
#
# usage: ffmpeg.sh DIRECTORY    the libraries go to DIRECTORY/lib
set -euo pipefail
script=$(sha256sum < "$0")
mkdir -p "$1"
cd "$1"

version=$(dpkg-query -W -f '${source:Version}' libavcodec-dev)
upstream=${version#*:} extra=${version##*-}
if [ "$(cat lib/made 2>/dev/null)" = "$version $script" ]; then exit 0; fi

# Debian's own mirrors, as apt knows them, give the source too. Lists and sources are private to this directory.
mkdir -p apt/lists/partial apt/parts
apt-get indextargets --format '$(ORIGIN) deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' \
  | sed -n 's/^Debian deb-src/deb-src/p' | sort -u > apt/sources.list
apt() {
  apt-get -q -o Dir::Etc::SourceList="$PWD/apt/sources.list" -o Dir::Etc::SourceParts="$PWD/apt/parts" \
    -o Dir::State::Lists="$PWD/apt/lists" -o APT::Sandbox::User=root "$@"
}
source=ffmpeg-${upstream%-*}
if [ ! -d "$source" ]; then
  apt update
  apt source "ffmpeg=$version"
fi

cd "$source"
# The native codecs stay, so that files are read as by Debian's FFmpeg. Of libraries those for H.264, HEVC, VP8, VP9,
# AV1 and JPEG XL, for compressed headers and for HTTPS.
./configure --prefix=/usr --arch=amd64 --toolchain=hardened \
  --extra-version="$extra" --enable-gpl --enable-shared --disable-static --disable-debug --disable-autodetect \
  --disable-programs --disable-doc --disable-avdevice --disable-postproc \
  --disable-filters --enable-filter=bwdif,format,palettegen,paletteuse,scale,split \
  --enable-zlib --enable-bzlib --enable-lzma --enable-iconv --enable-gnutls \
  --enable-libx264 --enable-libx265 --enable-libvpx --enable-libsvtav1 --enable-libaom --enable-libdav1d \
  --enable-libjxl
make -j"$(nproc)" --silent
make --silent install-libs DESTDIR="$PWD/../install"
cd ..
rm -rf lib
mkdir lib
cp -a install/usr/lib/*.so.* lib/
strip --strip-unneeded lib/*.so.*
echo "$version $script" > lib/made
