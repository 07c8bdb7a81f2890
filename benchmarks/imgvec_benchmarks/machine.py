"""The machine: its name, what its processor can do, and its page cache."""

import ctypes
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
import PIL

CPUS: Final = Path("/proc/cpuinfo")
KERNELS: Final = ("avx2", "avx_vnni", "avx512_vnni", "amx_int8")
ARCH_PRCTL: Final = 158
GET_GRANTED: Final = 0x1022
"""`ARCH_GET_XCOMP_PERM` of x86-64 Linux: which large registers this process may use."""
TILES: Final = 1 << 18


def described() -> str:
    """One line: processor, cores, instruction sets that matter here, versions."""
    name = re.search(r"model name\s*: (.+)", CPUS.read_text())
    known = flags()
    sets = ", ".join(kernel for kernel in KERNELS if kernel in known)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{name[1] if name else platform.processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{sets} (AMX is {'in' if uses_tiles() else 'not in'} use); "
        f"Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}, "
        f"Pillow {PIL.__version__}, NumPy {np.__version__}"
    )


def flags() -> set[str]:
    """Features of the processor, in Linux's words."""
    found = re.search(r"flags\s*: (.+)", CPUS.read_text())
    return set(found[1].split()) if found else set()


def uses_tiles() -> bool:
    """Whether ONNX Runtime multiplies with AMX: where it will, it has asked Linux for the tiles."""
    if platform.machine() != "x86_64":
        return False
    granted = ctypes.c_uint64()
    refused = ctypes.CDLL(None).syscall(ARCH_PRCTL, GET_GRANTED, ctypes.byref(granted))
    return refused == 0 and bool(granted.value & TILES)


def drop_page_cache() -> bool:
    """Forget all files that were read, where we may."""
    try:
        subprocess.run(["sync"], check=True)
        Path("/proc/sys/vm/drop_caches").write_text("1\n")
    except OSError:
        return False
    return True
