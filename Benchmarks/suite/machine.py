"""What the figures were measured on."""

import os
import platform
import subprocess
from importlib.metadata import version

from suite import processor
from suite.programs import VITVIDEO

LIBRARIES = [
    "torch",
    "timm",
    "onnxruntime",
    "openvino",
    "opencv-python-headless",
    "matplotlib",
    "av",
]


def describe() -> dict:
    """The machine and the versions of what runs on it."""
    facts = processor.facts()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wanted = ["avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16"]
    return {
        "cpu": facts.get("model name", platform.machine()),
        "family": f"family {facts.get('cpu family', '?')}, model {facts.get('model', '?')}",
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "instruction_sets": [flag for flag in wanted if flag in processor.flags()],
        "system": _system(),
        "load_before": os.getloadavg()[0],
        "versions": {"vitvideo": _vitvideo(), "Python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES},
    }


def _system() -> str:
    """Distribution and kernel."""
    release = platform.freedesktop_os_release()
    return f"{release.get('PRETTY_NAME', 'Linux')}, kernel {platform.release().split('-')[0]}"


def _vitvideo() -> str:
    """The version, and the commit where there is one."""
    said = subprocess.run([VITVIDEO, "--version"], capture_output=True, text=True, check=True)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True, text=True, check=False, cwd=VITVIDEO.parent,
    )  # fmt: skip
    return " ".join([said.stdout.strip(), commit.stdout.strip()]).strip()
