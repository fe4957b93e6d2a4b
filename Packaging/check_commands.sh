#!/bin/sh
# What is compared between a packed vitvideo and the one that was built: outputs, tables and error lines of every kind of
# library that a package has to bring along. Runs in a directory with clip.mp4 and in/, and writes out/.
#
# usage: check_commands.sh    with vitvideo in PATH and the default model in the cache
mkdir -p out
run() {
  name=$1
  shift
  vitvideo "$@" > "out/$name.stdout" 2> "out/$name.stderr" < /dev/null
  echo "$name $?" >> out/codes
}
small="--resolution 224 -q"

# Video encoders and muxers, sound copied, captions drawn.
run h264 clip.mp4 -o out/h264.mp4 --frames 75:79 $small
run hevc clip.mp4 -o out/hevc.mkv --codec hevc --frames 75:79 $small
run vp9 clip.mp4 -o out/vp9.webm --frames 75:77 $small
run av1 clip.mp4 -o out/av1.mp4 --codec av1 --frames 75:77 $small
run prores clip.mp4 -o out/prores.mov --codec prores --frames 75:77 $small
run ffv1 clip.mp4 -o out/ffv1.mkv --codec ffv1 --frames 75:77 $small
run gif clip.mp4 -o out/gif.gif --frames 75:77 $small
run png clip.mp4 -o out/png.png --frames 75:76 $small
run jpg clip.mp4 -o out/jpg.jpg --frames 75:76 $small
run compare clip.mp4 -o out/compare.png --frames 75:76 --compare dinov2_vits14 $small
run plot clip.mp4 --stats out/plot.csv --plot out/plot.png --frames 75:79 $small
run svg clip.mp4 --stats - --plot out/svg.svg --frames 75:79 $small
run probe probe clip.mp4 -o out/report --only heads,distance $small

# oneDNN and OpenBLAS, both opened at run time.
run npz clip.mp4 --export out/npz.npz --backend onednn --frames 75:79 $small
run openblas clip.mp4 --export out/openblas.npz --backend openblas --frames 75:77 $small
run zarr clip.mp4 --export out/zarr.zarr --method rollout --frames 75:77 $small
run neuron neuron 5:120 -o out/neuron.png --steps 3 -q

# What is read.
for file in in/*; do
  run "read-${file#in/}" "$file" --stats - --frames :2 $small
done

# Error lines.
run missing missing.mp4 -o out/missing.mp4
run codec clip.mp4 -o out/codec.mp4 --codec no-such
run extension clip.mp4 -o out/extension.xyz
run usage clip.mp4 -o out/usage.mp4 --no-such
run network https://127.0.0.1/a.mp4 -o out/network.mp4 --allow-network
run download models pull dino_vits16 -q
run help --help
run version --version
