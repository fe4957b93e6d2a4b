"""The chart of the results: `python -m suite.chart results.json results.svg`."""

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot  # noqa: E402

from suite.programs import PROGRAMS  # noqa: E402
from suite.rows import ROWS  # noqa: E402

COLOURS = {
    "vitvideo": "#b5367a", "OpenVINO": "#3b6ea5", "OpenVINO, whole attention": "#86a8cf",
    "ONNX Runtime": "#6aa0c7",
    "PyTorch + timm": "#a9b4c0", "DINO's pipeline": "#a9b4c0",
    "PyAV + OpenVINO bf16 + OpenCV": "#3b6ea5",
}  # fmt: skip


def bars(axes: pyplot.Axes, labels: list[str], values: list[dict], colours: list[str]) -> None:
    """Horizontal bars of medians with least and most as whiskers, the first on top."""
    places = range(len(labels))[::-1]
    medians = [value["median"] for value in values]
    whiskers = [
        [value["median"] - value["min"] for value in values],
        [value["max"] - value["median"] for value in values],
    ]
    axes.barh(places, medians, xerr=whiskers, color=colours, height=0.72, ecolor="#333333")
    for place, value in zip(places, values, strict=True):
        axes.text(value["max"], place, f"  {value['median']:.3g}", va="center", fontsize=8)
    axes.set_yticks(places, labels, fontsize=8)
    axes.set_xlim(0, 1.18 * max(value["max"] for value in values))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", labelsize=8)


def forward(axes: pyplot.Axes, name: str, programs: dict) -> None:
    """Frames a second of every program on one row."""
    shown = [PROGRAMS[key] for key in programs]
    bars(
        axes,
        [f"{program.title}, {program.precision}" for program in shown],
        [value["fps"] for value in programs.values()],
        [COLOURS[program.title] for program in shown],
    )
    axes.set_title(ROWS[name].title, fontsize=10, loc="left")
    axes.set_xlabel("frames per second, forward pass", fontsize=8)


def job(axes: pyplot.Axes, measured: dict) -> None:
    """Seconds of every program for the whole clip."""
    titles = list(measured["programs"])
    bars(
        axes, titles, [measured["programs"][title]["seconds"] for title in titles],
        [COLOURS[title] for title in titles],
    )  # fmt: skip
    axes.set_title("Whole job, clip to annotated clip", fontsize=10, loc="left")
    axes.set_xlabel(f"seconds for {measured['frames']} frames (less is better)", fontsize=8)


def tokens(axes: pyplot.Axes, measured: list[dict], peaks: dict) -> None:
    """GFLOP/s over tokens, beside the peak."""
    for precision, colour in [("fp32", "#e08fb6"), ("bf16", "#b5367a")]:
        points = [one for one in measured if one["precision"] == precision]
        if not points:
            continue
        speeds = [one["gflops"]["median"] for one in points]
        axes.plot([one["tokens"] for one in points], speeds, "o-", color=colour, label=precision)
        if peaks:
            most = peaks[max(peaks, key=int)][precision]
            axes.axhline(most, color=colour, linestyle=":", label=f"peak of {precision}")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_title("vitvideo, ViT-S/16", fontsize=10, loc="left")
    axes.set_xlabel("tokens", fontsize=8)
    axes.set_ylabel("GFLOP/s", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=7, frameon=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draws the chart of the results.")
    parser.add_argument("results", type=Path)
    parser.add_argument("chart", type=Path)
    options = parser.parse_args()
    results = json.loads(options.results.read_text())

    # A family's bars look like the plain ones'; the table sets them side by side.
    forwards = {name: programs for name, programs in results["forward"].items() if not ROWS[name].plain}
    forwards = forwards or results["forward"]
    panels = len(forwards) + ("job" in results) + ("tokens" in results)
    columns = min(2, panels)
    rows = (panels + columns - 1) // columns
    figure, grid = pyplot.subplots(
        rows, columns, figsize=(5.2 * columns, 2.5 * rows), layout="constrained", squeeze=False
    )
    axes = iter(grid.flat)
    for name, programs in forwards.items():
        forward(next(axes), name, programs)
    if "job" in results:
        job(next(axes), results["job"])
    if "tokens" in results:
        tokens(next(axes), results["tokens"], results.get("peak", {}))
    for unused in axes:
        unused.set_visible(False)
    figure.savefig(options.chart, metadata={"Date": None} if options.chart.suffix == ".svg" else {})


if __name__ == "__main__":
    main()
