"""Exit codes as exceptions, and where the program is looked for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, Dict, Type

import pytest
from conftest import TINY

import vitvideo
from vitvideo import _program


def line_of(*arguments: object) -> str:
    """What the program by itself says last."""
    run = subprocess.run(
        [_program.find(), *map(str, arguments)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return run.stderr.splitlines()[-1]


@pytest.mark.parametrize("kind,code,name,options", [
    (vitvideo.UsageError, 64, "clip", {"layer": 99}),
    (vitvideo.BadDataError, 65, "text.mp4", {}),
    (vitvideo.NoInputError, 66, "nothing.mp4", {}),
    (vitvideo.UnavailableError, 69, "clip",
     {"model": "dino_vits8", "weights": None, "num_heads": None, "offline": True}),
    (vitvideo.CannotCreateError, 73, "clip", {"stats": "/proc/nothing/stats.csv"}),
])
def test_exit_codes(
    kind: Type[vitvideo.VitvideoError], code: int, name: str, options: Dict[str, Any], clip: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # No model is here, wherever it may be kept.
    for variable in ("HOME", "VITVIDEO_CACHE", "XDG_CACHE_HOME", "TORCH_HOME", "HF_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    (tmp_path / "text.mp4").write_text("no video\n" * 100)
    source = clip if name == "clip" else tmp_path / name
    with pytest.raises(kind) as caught:
        vitvideo.annotate(source, export=tmp_path / "a.npz", frames=slice(0, 2), **{**TINY, **options})
    assert type(caught.value) is kind
    assert caught.value.exit_code == code
    assert caught.value.args == (str(caught.value),)
    words = [f"--{key.replace('_', '-')}" + ("" if value is True else f"={value}")
             for key, value in {**TINY, **options}.items() if value is not None]
    assert str(caught.value) == line_of(source, "--export", tmp_path / "a.npz", "--frames", "0:2", *words)
    assert "\n" not in str(caught.value)


def test_full_disk(clip: Path) -> None:
    with pytest.raises(vitvideo.InputOutputError) as caught:
        run_on_full_disk(clip)
    assert caught.value.exit_code == 74


def run_on_full_disk(clip: Path) -> None:
    """The export is larger than what files may be."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, hard))
    try:
        vitvideo.attention(clip, frames=slice(0, 100), **TINY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_program_that_is_killed(clip: Path) -> None:
    def kill(_: Dict[str, Any]) -> None:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)

    with pytest.raises(vitvideo.VitvideoError, match=r"^vitvideo: ended by signal 9 \(Killed\)$") as caught:
        vitvideo.attention(clip, progress=kill, family="dino", mean=0.5, std=0.5, activation="gelu",
                           position_rule="hub", **TINY)
    assert caught.value.exit_code == -9


def test_warnings(tmp_path: Path, clip: Path) -> None:
    cut = tmp_path / "cut.mkv"
    vitvideo.annotate(clip, cut, frames=slice(0, 50), view="overlay", **TINY)
    cut.write_bytes(cut.read_bytes()[:cut.stat().st_size // 2])
    with pytest.warns(vitvideo.VitvideoWarning, match="^vitvideo: warning: .*cut.mkv") as caught:
        result = vitvideo.attention(cut, **TINY)
    assert 0 < len(result.frame) < 50
    assert caught[0].filename == __file__


def test_nothing_is_warned_of_whole_files(clip: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vitvideo.attention(clip, frames=slice(0, 2), **TINY)


def test_notes_are_logged(clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="vitvideo"):
        vitvideo.attention(clip, frames=slice(0, 2), **TINY)
    assert "nothing says how its model was trained; assumed: family dino" in caplog.text


def test_printed_text(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vitvideo.annotate(clip, frames=slice(0, 3), stats="-", **TINY)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("frame,time,model,entropy")


def test_program_that_is_nowhere(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_program, "BUNDLED", tmp_path / "nothing")
    monkeypatch.delenv("VITVIDEO_PROGRAM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(vitvideo.ProgramNotFoundError, match="^vitvideo: the program is not here; install the wheel"):
        vitvideo.attention(clip)
    # The command of this package is not the program, wherever it lies.
    own = tmp_path / "vitvideo"
    own.write_text("#!/usr/bin/python3\nfrom vitvideo._program import main\nmain()\n")
    own.chmod(0o755)
    with pytest.raises(vitvideo.ProgramNotFoundError, match="the program is not here"):
        vitvideo.attention(clip)
    monkeypatch.setenv("VITVIDEO_PROGRAM", str(own))
    with pytest.raises(vitvideo.ProgramNotFoundError, match=f"names {own}, which is not the program$"):
        vitvideo.attention(clip)


def test_order_of_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = _program.find()
    places = {name: tmp_path / name / "vitvideo" for name in ("path", "variable", "package")}
    for place in places.values():
        place.parent.mkdir()
        place.symlink_to(program)
    monkeypatch.setattr(_program, "BUNDLED", tmp_path / "nothing")
    monkeypatch.delenv("VITVIDEO_PROGRAM", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}/nowhere:{places['path'].parent}")
    assert _program.find() == str(places["path"])
    monkeypatch.setenv("VITVIDEO_PROGRAM", str(places["variable"]))
    assert _program.find() == str(places["variable"])
    monkeypatch.setattr(_program, "BUNDLED", places["package"])
    assert _program.find() == str(places["package"])


def test_command_is_the_program(clip: Path, tmp_path: Path) -> None:
    command = shutil.which("vitvideo", path=os.path.dirname(sys.executable))
    assert command is not None
    version = subprocess.run([command, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert version.strip() == vitvideo.__version__
    wrong = subprocess.run(
        [command, "nothing.mp4", "--export", "a.npz"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert wrong.returncode == 66
    assert wrong.stderr == "vitvideo: cannot read nothing.mp4: No such file or directory\n"
    code = "from vitvideo import _program; _program.BUNDLED /= 'nothing'; _program.main()"
    without = subprocess.run(
        [sys.executable, "-c", code, "--version"], env={"PATH": str(tmp_path)}, stderr=subprocess.PIPE, text=True)
    assert without.returncode == 69
    assert without.stderr.startswith("vitvideo: the program is not here; ")
    assert without.stderr.count("\n") == 1
