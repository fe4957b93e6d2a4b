"""Progress and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest
from conftest import TINY

import vitvideo

# The default model: the clip takes long enough to be interrupted, a frame much less than the two seconds that the
# program gives to those under way.
SLOW: Dict[str, Any] = {"model": "dinov2_vits14", "resolution": 224, "workers": 1, "threads": 1}


def test_progress_function(clip: Path) -> None:
    lines: List[Dict[str, Any]] = []
    vitvideo.attention(clip, frames=slice(10, 30), progress=lines.append, **TINY)
    assert lines[-1]["frames"] == lines[-1]["total"] == 20
    assert lines[-1]["frame"] == 29
    assert [line["frames"] for line in lines] == sorted(line["frames"] for line in lines)
    assert lines[-1]["eta_seconds"] == 0


def test_progress_bar(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vitvideo.attention(clip, frames=slice(10, 30), progress=True, **TINY)
    shown = capsys.readouterr().err
    assert "20/20" in shown and "frame/s" in shown
    vitvideo.attention(clip, frames=slice(10, 30), progress=False, **TINY)
    vitvideo.attention(clip, frames=slice(10, 30), **TINY)
    assert capsys.readouterr().err == ""


def test_no_bar_without_tqdm(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr("vitvideo._progress._in_notebook", lambda: True)
    assert len(vitvideo.attention(clip, frames=slice(0, 2), **TINY).frame) == 2
    with pytest.raises(ImportError):
        vitvideo.attention(clip, frames=slice(0, 2), progress=True, **TINY)


def test_interrupt_is_calm(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    seen: List[int] = []

    def interrupt(line: Dict[str, Any]) -> None:
        seen.append(line["frames"])
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(vitvideo.Interrupted, match="^vitvideo: ") as caught:
        vitvideo.annotate(clip, out, view="overlay", progress=interrupt, **SLOW)
    assert isinstance(caught.value, KeyboardInterrupt)
    assert not isinstance(caught.value, Exception)
    assert caught.value.exit_code == 130
    # The program has finished the frames under way and left what it had.
    assert not out.exists()
    kept = vitvideo.attention(tmp_path / "out.partial.mp4", **TINY)
    assert seen[2] <= len(kept.frame) < 132
    assert children() == []


def test_second_interrupt_kills(clip: Path, tmp_path: Path) -> None:
    count = 0

    def interrupt(line: Dict[str, Any]) -> None:
        nonlocal count
        if count == 0:
            # The program is not there to hear the first one.
            os.kill(int(children()[0]), signal.SIGSTOP)
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            os.kill(os.getpid(), signal.SIGINT)

    def again(number: int, frame: Any) -> None:
        nonlocal count
        count += 1
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, again)
    start = time.monotonic()
    try:
        with pytest.raises(vitvideo.Interrupted):
            vitvideo.annotate(clip, tmp_path / "out.mp4", progress=interrupt, **SLOW)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert count == 1
    assert time.monotonic() - start < 10
    assert children() == []


def test_program_ends_with_an_error_in_the_function(clip: Path) -> None:
    def fail(line: Dict[str, Any]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        vitvideo.attention(clip, progress=fail, **SLOW)
    assert children() == []


# Annotates as a process of its own, which says how far it is.
SCRIPT = f"""
import sys, vitvideo
def say(line):
    print(line["frames"], flush=True)
vitvideo.annotate(sys.argv[1], sys.argv[2], view="overlay", progress=say, **{SLOW!r})
"""


def test_interrupt_of_the_whole_process_group(clip: Path, tmp_path: Path) -> None:
    # As a terminal's Ctrl-C, and that of Jupyter: all processes of the group have the signal.
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(clip), str(tmp_path / "out.mp4")], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    # The script hears of it a little later than a program in its group would, as under load.
    os.kill(process.pid, signal.SIGSTOP)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGCONT)
    _, said = process.communicate(timeout=30)
    assert said.splitlines()[-1].startswith("vitvideo._errors.Interrupted: vitvideo: ")
    assert len(vitvideo.attention(tmp_path / "out.partial.mp4", **TINY).frame) > 0


def test_program_ends_with_the_process(clip: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(clip), str(tmp_path / "out.mp4")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    [program] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{program}/exe").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{program}/exe").exists()
    assert not (tmp_path / "out.mp4").exists()


def children() -> List[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def test_runs_side_by_side(clip: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(vitvideo.attention, clip, frames=slice(i, i + 5), **TINY) for i in range(4)]
        results = [future.result() for future in futures]
    for i, result in enumerate(results[1:], 1):
        np.testing.assert_array_equal(result.attention[:4], results[i - 1].attention[1:])
