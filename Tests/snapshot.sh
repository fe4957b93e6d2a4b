#!/usr/bin/env bash
# Prints a hash of everything the program writes, for a comparison before and after a change of structure:
#
#     Tests/snapshot.sh OLD/vitvideo > before; Tests/snapshot.sh NEW/vitvideo > after; diff before after
#
# Frames of every view and method on 12 frames of the clip, exports, statistics, masks, resumed jobs, reports with their arrays, the help
# of every command, and the error line and exit code of every case in Tests/EndToEndTests/FailureTests.swift.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "$1")
clip=$root/media/cache/bigbuckbunny.mp4
bikes=$root/media/cache/bikes.mp4
tiny=(--weights "$root/Tests/Fixtures/goldens/vit/supervised.weights.safetensors" --num-heads 3 --resolution 48)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# show NAME COMMAND…: what a command prints, hashed.
show() { local name=$1; shift; printf '%s  %s\n' "$("$@" 2>&1 | sha256sum | cut -c1-16)" "$name"; }
frames() { ffmpeg -v error -i "$1" -map 0 -f framemd5 - | grep -v '^#software'; }
# run NAME ARGUMENTS…: annotates 12 frames to NAME.mkv, without loss.
run() {
  local name=$1; shift
  if "$program" "$clip" --frames 0:24:2 -o "$name.mkv" --codec ffv1 -q -y --resolution 224 "$@" 2> error; then
    show "frames: $name" frames "$name.mkv"
  else
    echo "no frames: $name: $(cat error)"
  fi
}

for view in heads overlay heatmap side-by-side mask; do
  run "attention-$view" --view $view
  run "rollout-$view" --method rollout --view $view
  run "gradient-rollout-$view" --method gradient-rollout --view $view "${tiny[@]}"
done
for view in heads overlay heatmap side-by-side; do run "features-$view" --method features --view $view; done
run layers --method layers
run layers-head --method layers --head 3
run qk --method qk --layer 5 --heads 2 --channel 7
run query --query 640px,140px --view overlay --scale smooth
run keras --method rollout --compat keras
run vit-explain --method rollout --compat vit-explain --head-fusion max --discard-ratio 0.5
run bicubic --view heatmap --interpolation bicubic --colormap viridis --scale 0:0.02
run default-resolution --resolution 448 --frames 0:4
run bf16 --precision bf16
run fp32 --precision fp32 --backend openblas
run panels --panel original --panel heatmap --panel mask
run labels "${tiny[@]}" --labels <(seq 11) --top-k 2

export_all() {
  local name=$1; shift
  "$program" "$clip" --frames 0:24:2 --export "$name.npz" --stats "$name.csv" --plot "$name.svg" -q -y --resolution 224 "$@"
  local file
  for file in "$name".{npz,csv,svg}; do show "numbers: $file" cat "$file"; done
}
export_all attention
export_all layers --method layers --fusion max
export_all rollout --method rollout --head-fusion min --discard-ratio 0.9
export_all gradient --method gradient-rollout "${tiny[@]}"
export_all gradient-class --method gradient-rollout --class 3 --compat vit-explain "${tiny[@]}"
export_all qk --method qk
export_all features --method features
export_all both --weights "$root/Tests/Fixtures/goldens/vit/plain.weights.safetensors" --num-heads 3 --resolution 48 \
  --compare "$root/Tests/Fixtures/goldens/vit/supervised.weights.safetensors"

for method in attention rollout; do
  "$program" "$clip" --frames 0:24:2 --masks "$method-%02d.png" --coco "$method.json" -q -y --resolution 224 --method $method
  for file in "$method"-[0-9]*.png "$method.json"; do show "masks: $file" cat "$file"; done
done

for output in mp4 mkv webm gif; do
  "$program" "$bikes" --frames 3:15 -o "as.$output" --view heatmap -q -y --resolution 112
  show "container: $output" frames "as.$output"
done
"$program" "$clip" --frames 0:12 -o sound.mp4 -q -y --resolution 112
show "whole file: sound.mp4" cat sound.mp4
"$program" "$clip" --frames 0:24 -o resumed.mp4 --export resumed.npz -q -y --resume --segment-frames 7 --resolution 112
show "whole file: resumed.mp4" cat resumed.mp4
show "whole file: resumed.npz" cat resumed.npz
"$program" "$bikes" --frames 3:5 -o picture-%02d.png -q -y --resolution 112
show "whole file: picture-02.png" cat picture-02.png

mkdir photos
ffmpeg -v error -i "$clip" -frames:v 3 photos/%d.png
report() {
  local name=$1; shift
  (cd "$work" && "$program" probe photos -o "$name" -q -y "$@")
  (cd "$name" && find . -type f | LC_ALL=C sort | while read -r file; do show "report $name: $file" cat "$file"; done)
}
report report --figures 2
report report-tiny --figures 1 "${tiny[@]}"
printf '%s\n' 1.png,100,100,600,500,3 3.png,0,0,200,200,4 > photos/boxes.csv
report report-experiments --figures 1 "${tiny[@]}" --only globalization,class-token,background,neurons --boxes photos/boxes.csv
report report-both --figures 1 --model dinov2_vits14 --only heads,qk,rollout --layer 3 --qk-head 1 --discard-ratios 0.9 --resolution 112

for command in "" probe models "models list" "models pull" "models import" "models verify" "models path"; do
  show "help: $command" "$program" $command --help
done

# The failure table's commands, each in a directory of its own with the files it names.
python3 - "$program" "$root" <<'PYTHON'
import hashlib, pathlib, re, shlex, subprocess, sys, tempfile

program, root = sys.argv[1], pathlib.Path(sys.argv[2])
clip = root / "media/cache/bikes.mp4"
tiny = ["--weights", str(root / "Tests/Fixtures/goldens/vit/supervised.weights.safetensors"), "--num-heads", "3"]
source = (root / "Tests/EndToEndTests/FailureTests.swift").read_text()
cases = re.findall(r'Case\(\s*\d+,\s*"((?:[^"\\]|\\.)*)"', source)
assert len(cases) > 90
for case in cases:
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "empty.mp4").touch()
        (folder / "text.mp4").write_text("Once upon a time\n")
        (folder / "bad.safetensors").write_text("no weights\n")
        (folder / "taken.mp4").write_text("kept")
        (folder / "taken.npz").write_text("kept")
        (folder / "folder").mkdir()
        (folder / "link.mp4").symlink_to("nothing.mp4")
        if "sound.m4a" in case:
            subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", folder / "sound.m4a"])
        if "half.mp4" in case:
            whole = (root / "media/cache/bigbuckbunny.mp4").read_bytes()
            (folder / "half.mp4").write_bytes(whole[:len(whole) // 2])
        words = []
        for word in case.split(" "):
            words += [str(clip)] if word == "$clip" else tiny if word == "$tiny" else [word] if word else []
        done = subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        # What would fit depends on the memory that is free just now.
        line = re.sub(r"\d+ MB are free; --resolution \d+", "N MB are free; --resolution N", done.stderr)
        print(f"error {done.returncode}: {case}\n    {line.strip()}".replace(str(root), "ROOT"))
PYTHON
