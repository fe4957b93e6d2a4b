#!/usr/bin/env bash
# The two published experiments, on every clip that is here:
#   DINO on video            heatmap | original
#   supervised versus DINO   original | supervised | DINO, with statistics and a plot
# and, where the published heatmaps are here too, the figures that media/README.md states.
#
# Usage: media/experiments.sh VITVIDEO CLIP OUTPUT_DIRECTORY, as `make experiments` calls it.
# VITVIDEO_MEDIA names a directory with dinosaur.mp4, dinosaur-dino-b16-heatmap.mp4 and
# dinosaur-supervised-b16-heatmap.mp4.
set -euo pipefail

vitvideo=$1
clip=$2
out=$3
reference=${VITVIDEO_MEDIA:-}
official_dino=dino_vitb16
official_supervised=vit_base_patch16_224.augreg_in1k

# Whether a model's weights are on this machine, or can be fetched now; else the reason is in `missing`.
has_model() {
  "$vitvideo" models list | grep -q "^$1 .*present" && return 0
  missing=$("$vitvideo" models pull "$1" 2>&1 >/dev/null | tr '\r' '\n' | tail -n 1) && return 0
  return 1
}

# dino_on_video CLIP NAME
dino_on_video() {
  echo "DINO on video: $2 ($dino)"
  "$vitvideo" "$1" -o "$out/$2-dino.mp4" --view side-by-side --model "$dino" --overwrite
}

# supervised_versus_dino CLIP NAME SUPERVISED, the last a model or a recorded heatmap
supervised_versus_dino() {
  echo "supervised versus DINO: $2 ($3, $dino)"
  "$vitvideo" "$1" -o "$out/$2-supervised-dino.mp4" --model "$dino" --compare "$3" \
    --stats "$out/$2-supervised-dino.csv" --plot "$out/$2-supervised-dino.png" --overwrite
}

# The mean of a column in the rows of one model: column_mean TABLE MODEL COLUMN
column_mean() {
  awk -F , -v model="$2" -v column="$3" '
    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    $at["model"] == model && $at[column] != "" { sum += $at[column]; count++ }
    END { printf "%.3f\n", count ? sum / count : 0 }' "$1"
}

# The default model against the published heatmaps, frames 5, 30, ... 255, on its 32 x 56 grid.
published_figures() {
  local table=$out/published.csv own=dinov2_vits14
  local dino_map=dinosaur-dino-b16-heatmap supervised_map=dinosaur-supervised-b16-heatmap
  echo "published heatmaps: $own against DINO and supervised ViT-B/16"
  "$vitvideo" "$reference/dinosaur.mp4" --frames 5:256:25 --model "$own" --resolution 448 \
    --compare "video:$reference/$dino_map.mp4,video:$reference/$supervised_map.mp4" \
    --stats "$table" --plot "$out/published.png" --overwrite
  awk -v dino="$(column_mean "$table" "$own" "correlation_$dino_map")" \
    -v supervised="$(column_mean "$table" "$own" "correlation_$supervised_map")" \
    -v entropy_dino="$(column_mean "$table" "$dino_map" entropy)" \
    -v entropy_own="$(column_mean "$table" "$own" entropy)" \
    -v entropy_supervised="$(column_mean "$table" "$supervised_map" entropy)" '
    function check(text, holds) { print (holds ? "  holds:  " : "  FAILS:  ") text; if (!holds) failed = 1 }
    BEGIN {
      check("correlation with DINO " dino " is at least 0.60", dino >= 0.60)
      check("that is at least 0.2 above the supervised one, " supervised, dino - supervised >= 0.2)
      check("entropies " entropy_dino " < " entropy_own " < " entropy_supervised " nats (DINO, DINOv2, supervised)",
        entropy_dino < entropy_own && entropy_own < entropy_supervised)
      exit failed
    }'
}

mkdir -p "$out"
has_official=no
dino=dinov2_vits14
if has_model "$official_dino" && has_model "$official_supervised"; then
  has_official=yes
  dino=$official_dino
else
  echo "$dino stands in for DINO, for the official models are not to be had: $missing"
fi

dino_on_video "$clip" "$(basename "${clip%.*}")"
if [ "$has_official" = yes ]; then
  supervised_versus_dino "$clip" "$(basename "${clip%.*}")" supervised
else
  echo "supervised versus DINO: $(basename "$clip") needs the supervised model; left out"
fi

if [ -z "$reference" ]; then
  echo "VITVIDEO_MEDIA names no directory of reference clips: the published figures are left out"
  exit
fi
for name in dinosaur dinosaur-dino-b16-heatmap dinosaur-supervised-b16-heatmap; do
  if [ ! -e "$reference/$name.mp4" ]; then
    echo "$reference has no $name.mp4: the published figures are left out"
    exit
  fi
done
dino_on_video "$reference/dinosaur.mp4" dinosaur
if [ "$has_official" = yes ]; then
  supervised_versus_dino "$reference/dinosaur.mp4" dinosaur supervised
else
  supervised_versus_dino "$reference/dinosaur.mp4" dinosaur \
    "video:$reference/dinosaur-supervised-b16-heatmap.mp4"
fi
published_figures
