"""The processor, and what it multiplies natively."""

from functools import cache
from pathlib import Path


@cache
def facts() -> dict[str, str]:
    """The first processor's entries of /proc/cpuinfo."""
    first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def flags() -> list[str]:
    return facts().get("flags", "").split()


def precisions() -> list[str]:
    """Those that programs can be measured in, fp32 first: ours refuses what the processor does not multiply natively."""
    found = ["fp32"]
    if "avx512_bf16" in flags() or "amx_bf16" in flags():
        found.append("bf16")
        if "avx512_vnni" in flags() or "amx_int8" in flags():
            found.append("int8")
    return found


def floats() -> list[str]:
    """The floating-point precisions that can be measured here."""
    return [name for name in precisions() if name != "int8"]
