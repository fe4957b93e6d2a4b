#!/usr/bin/env bash
# Makes small files of the kinds that a package has to read, and some that it has to refuse.
#
# usage: check_media.sh DIRECTORY
set -euo pipefail
mkdir -p "$1"
cd "$1"
make() { ffmpeg -v error -y -f lavfi -i testsrc2=s=128x96:r=25:d=0.16 "$@"; }
make -c:v libx264 -pix_fmt yuv420p10le h264.mkv
make -c:v libx265 -x265-params log-level=none hevc.mp4
make -c:v libvpx vp8.webm
make -c:v libvpx-vp9 vp9.webm
make -c:v libaom-av1 -cpu-used 8 av1.mp4
make -c:v mpeg1video mpeg1.mpg
make -c:v mpeg2video -flags +ilme+ildct -field_order tt interlaced.ts
make -c:v mpeg4 mpeg4.avi
make -c:v mjpeg -strict unofficial mjpeg.mov
make -c:v prores_ks prores.mov
make -c:v ffv1 ffv1.mkv
make -c:v gif gif.gif
make -s 1280x720 -c:v dnxhd -profile:v dnxhr_sq -pix_fmt yuv422p dnxhr.mov
make -frames:v 1 png.png
make -frames:v 1 tiff.tif
make -frames:v 1 -c:v libwebp webp.webp
make -frames:v 1 -c:v libjxl jxl.jxl
make -frames:v 1 jpg.jpg
ffmpeg -v error -y -f lavfi -i testsrc2=s=128x96:r=25:d=0.16 -f lavfi -i sine=d=0.16 -c:v libx264 -c:a libopus sound.mkv
head -c 3000 h264.mkv > cut.mkv
head -c 5000 /dev/zero > zero.mp4
echo 'no video' > text.txt
printf '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nh264.mkv\n' > list.m3u8
printf '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>' > list.mpd
: > empty.mp4
