"""Results as Markdown: one function a section, and the whole of RESULTS.md."""

from math import prod

from suite import train as training
from suite.programs import PROGRAMS, Program
from suite.rows import BY_NAME, ROWS


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, its first column of text and the others of numbers."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def with_spread(values: dict[str, float]) -> str:
    """Median, and least to most in brackets."""
    digits = 2 if values["median"] < 20 else 1
    return "{median:.{d}f} ({min:.{d}f}–{max:.{d}f})".format(**values, d=digits)


def megabytes(count: int) -> str:
    """Bytes in millions."""
    return f"{count / 1e6:,.0f}"


def forward(results: dict) -> str:
    """A table for each model and input, and ours over each peer at the end."""
    measured, peaks = results["forward"], results.get("peak", {})
    peak = peaks[max(peaks, key=int)] if peaks else None
    parts = ["## Forward passes", ""]
    for name, programs in measured.items():
        row = ROWS[name]
        head = [
            "",
            "frames/s",
            "GFLOP/s",
            "of the peak",
            "ours is",
            "memory, MB",
            "largest difference",
        ]
        lines = []
        for key, values in programs.items():
            program = PROGRAMS[key]
            speed = values["fps"]["median"]
            mine = programs.get(f"ours_{program.precision}")
            ratio = f"{mine['fps']['median'] / speed:.2f}×" if mine and program.peer else ""
            rate = speed * row.gigaflop
            lines.append([
                f"{program.title}, {program.precision}", with_spread(values["fps"]), f"{rate:,.0f}",
                f"{rate / peak[program.precision]:.0%}" if peak and peak.get(program.precision) else "",
                ratio, megabytes(values["peak_bytes"]), f"{values['difference']:.1e}",
            ])  # fmt: skip
        parts += [
            f"**{row.title}** ({row.tokens:,} tokens, {row.gigaflop:.1f} GFLOP a frame)", "",
            table(head, lines), "",
        ]  # fmt: skip
    plain = {name: programs for name, programs in measured.items() if not ROWS[name].plain}
    return "\n".join(parts + _ratios(plain) + _families(measured))


def _families(measured: dict) -> list[str]:
    """Ours over each peer for a family, beside the same for the plain model of its shape."""

    def ratio(programs: dict, peer: Program) -> float | None:
        mine, theirs = programs.get(f"ours_{peer.precision}"), programs.get(peer.key)
        return mine["fps"]["median"] / theirs["fps"]["median"] if mine and theirs else None

    lines = []
    for name, programs in measured.items():
        plain = measured.get(ROWS[name].plain, {})
        for peer in filter(lambda program: program.peer, PROGRAMS.values()):
            one, other = ratio(programs, peer), ratio(plain, peer)
            if one and other:
                lines.append([
                    f"{ROWS[name].title}: {peer.title}, {peer.precision}", f"{one:.2f}×", f"{other:.2f}×",
                    f"{one / other - 1:+.0%}",
                ])  # fmt: skip
    head = ["ours over", "this family", "plain ViT", "difference"]
    return ["**Families beside the plain ViT**, medians", "", table(head, lines), ""] if lines else []


def _ratios(measured: dict) -> list[str]:
    """Ours over each peer, and in int8 over ours in bf16, row by row and in geometric mean."""
    pairs = [
        (f"ours_{peer.precision}", peer.key, f"{peer.title}, {peer.precision}")
        for peer in PROGRAMS.values()
        if peer.peer
    ]
    lines = []
    for mine, other, label in [*pairs, ("ours_int8", "ours_bf16", "ours in int8 over ours in bf16")]:
        ratios = [
            programs[mine]["fps"]["median"] / programs[other]["fps"]["median"]
            for programs in measured.values()
            if mine in programs and other in programs
        ]
        if ratios and len(ratios) == len(measured):
            mean = prod(ratios) ** (1 / len(ratios))
            lines.append([label, *(f"{ratio:.2f}×" for ratio in [*ratios, mean])])
    head = ["ours over", *(ROWS[name].title for name in measured), "geometric mean"]
    return ["**Ours over each peer**, medians", "", table(head, lines), ""] if lines else []


def peak(results: dict) -> str:
    """What the cores can do."""
    lines = [
        [
            f"{count} thread" + ("" if int(count) == 1 else "s"),
            f"{one['fp32']:,.0f}",
            f"{one['bf16']:,.0f}",
        ]
        for count, one in results["peak"].items()
    ]
    return "\n".join([
        "## Peak of the cores", "", table(["GFLOP/s", "fp32", "bf16"], lines), "",
    ])  # fmt: skip


def workers(results: dict) -> str:
    """One worker beside several."""
    measured = results["workers"]
    lines = []
    for precision, counts in measured["precisions"].items():
        (few, one), (many, all_) = sorted(counts.items(), key=lambda item: int(item[0]))
        ratio = all_["median"] / one["median"]
        lines.append([precision, with_spread(one), with_spread(all_), f"{ratio:.2f}×"])
    title = ROWS[measured["row"]].title
    head = [f"{title}, frames/s", f"{few} worker", f"{many} workers", "ratio"]
    return "\n".join(["## Workers", "", table(head, lines), ""])


def tokens(results: dict) -> str:
    """Ours over the size of the input."""
    lines = [
        [
            f"{one['height']}×{one['width']}", f"{one['tokens']:,}", one["precision"],
            with_spread(one["fps"]), f"{one['gflops']['median']:,.0f}",
            megabytes(one["peak_bytes"]),
        ]
        for one in results["tokens"]
    ]  # fmt: skip
    head = ["ViT-S/16", "tokens", "precision", "frames/s", "GFLOP/s", "memory, MB"]
    return "\n".join(["## Tokens", "", table(head, lines), ""])


def memory(results: dict) -> str:
    """Peak memory of whole jobs."""
    lines = [
        [one["title"], str(one["frames"]), megabytes(one["peak_bytes"])]
        for one in results["memory"]
    ]
    head = ["whole job of vitvideo", "frames", "peak memory, MB"]
    return "\n".join(["## Memory", "", table(head, lines), ""])


def job(results: dict) -> str:
    """The whole job beside the two pipelines, and where ours spends its time."""
    measured = results["job"]
    mine = measured["programs"]["vitvideo"]
    lines = []
    for title, values in measured["programs"].items():
        ratio = values["seconds"]["median"] / mine["seconds"]["median"]
        memory_ratio = values["peak_bytes"] / mine["peak_bytes"]
        lines.append([
            title, with_spread(values["seconds"]),
            f"{measured['frames'] / values['seconds']['median']:.2f}", f"{ratio:.2f}×",
            megabytes(values["peak_bytes"]), f"{memory_ratio:.2f}×",
        ])  # fmt: skip
    head = ["", "seconds", "frames/s", "of our time", "peak memory, MB", "of our memory"]
    return "\n".join([
        f"## The whole job: {measured['frames']} frames of Big Buck Bunny", "",
        table(head, lines), "",
        "Where ours spends its time:", "", "```", measured["stages"], "```", "",
    ])  # fmt: skip


def neuron(results: dict) -> str:
    """Steps of a feature visualisation beside PyTorch's."""
    measured = results["neuron"]
    # The first is ours in the default precision.
    (default, own), *_ = measured["programs"].items()
    mine = own["milliseconds"]["median"]
    lines = [
        [
            title, with_spread(values["milliseconds"]), f"{values['milliseconds']['median'] / mine:.2f}×",
            megabytes(values["peak_bytes"]),
        ]
        for title, values in measured["programs"].items()
    ]  # fmt: skip
    head = ["a neuron of block 11", "ms a step", f"of {default}", "peak memory, MB"]
    title = f"## Feature visualisation: {BY_NAME[measured['row']].title}, 8 copies"
    return "\n".join([title, "", table(head, lines), ""])


def graph(results: dict) -> str:
    """Forward passes of transformers of other builds beside ONNX Runtime's."""
    lines = []
    for model, measured in results["graph"].items():
        mine = measured["vitvideo"]["milliseconds"]["median"]
        for title, values in measured.items():
            planned = values["planned_bytes"]
            lines.append([
                f"{model}, {title}", with_spread(values["milliseconds"]),
                f"{values['milliseconds']['median'] / mine:.2f}×", megabytes(values["peak_bytes"]),
                megabytes(planned) if planned else "",
            ])  # fmt: skip
    head = ["224×224", "ms a pass", "of vitvideo", "peak memory, MB", "planned for tensors, MB"]
    return "\n".join(["## Transformers of other builds, from ONNX", "", table(head, lines), ""])


def train(results: dict) -> str:
    """Steps of training beside PyTorch's."""
    measured = results["train"]
    mine = min(
        values["seconds"]["median"] for title, values in measured["programs"].items() if title.startswith("vitvideo")
    )
    lines = [
        [
            title, with_spread(values["seconds"]), f"{measured['batch'] / values['seconds']['median']:.0f}",
            f"{values['seconds']['median'] / mine:.2f}×", megabytes(values["peak_bytes"]),
        ]
        for title, values in measured["programs"].items()
    ]  # fmt: skip
    head = ["the Keras example's small ViT", "s a step", "pictures a second", "of vitvideo's best", "peak memory, MB"]
    steps = -(-training.EPOCH // measured["batch"]) * training.EPOCHS
    return "\n".join([
        f"## Training in batches of {measured['batch']}", "",
        table(head, lines), "",
        f"Projected from that, not measured: the example's {training.EPOCHS} epochs of {training.EPOCH:,} pictures take ours "
        f"{steps * mine / 3600:.1f} hours.", "",
    ])  # fmt: skip


def reuse(results: dict) -> str:
    """Forward passes and jobs with `--reuse` over those without."""
    lines = []
    for title, values in results["reuse"].items():
        passes, jobs = values["passes"], values["jobs"]
        whole, reused = passes["whole_seconds"]["median"], passes["reused_seconds"]["median"]
        off, auto = (jobs[f"--reuse {amount}"]["median"] for amount in ["off", "auto"])
        peer = jobs.get("PyAV + OpenVINO bf16 + OpenCV")
        lines.append([
            title, str(values["frames"]), f"{100 * passes['computed']:.0f} %", f"{whole / reused:.2f}×",
            f"{off / auto:.2f}×", f"{peer['median'] / auto:.2f}×" if peer else "",
            f"{passes['error_mean']:.2f}", f"{passes['error_worst']:.2f}",
            "" if passes["error_told"] is None else f"{passes['error_told']:.2f}",
        ])  # fmt: skip
    head = [
        "", "frames", "computed", "forward passes", "whole job", "over OpenVINO's pipeline", "error, mean", "worst", "told",
    ]  # fmt: skip
    return "\n".join(["## What has not changed: `--reuse auto` over `off`", "", table(head, lines), ""])


def machine(results: dict) -> str:
    """Machine, versions and command."""
    facts = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return "\n".join([
        f"- {facts['cpu']} ({facts['family']}), {facts['cores']} cores, "
        f"{facts['memory_bytes'] / 2**30:.0f} GiB; {', '.join(facts['instruction_sets'])}",
        f"- {facts['system']}; load before the run {facts['load_before']:.1f}",
        f"- {versions}",
        f"- `{results['command']}`: {results['rounds']} rounds, {results['threads']} threads each; "
        "medians, least–most in brackets",
        "",
    ])  # fmt: skip


def whole(results: dict, chart: str) -> str:
    """All sections that were measured."""
    sections = {
        "peak": peak, "forward": forward, "job": job, "graph": graph, "neuron": neuron, "train": train, "reuse": reuse,
        "workers": workers, "tokens": tokens, "memory": memory,
    }  # fmt: skip
    parts = ["# Results", "", machine(results), f"![Ours and the peers]({chart})", ""]
    parts += [write(results) for name, write in sections.items() if name in results]
    return "\n".join(parts).rstrip() + "\n"
