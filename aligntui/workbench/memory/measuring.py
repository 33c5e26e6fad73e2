"""What memory there is and which process holds how much of it: of a GPU, or RAM where there is none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import psutil

MIB = 1 << 20


@dataclass(frozen=True)
class Device:
    """Memory that processes share.

    Args:
        kind: `ram` or `gpu`.
        index: which GPU; 0 for RAM.
    """

    kind: str = "ram"
    index: int = 0

    @classmethod
    def named(cls, device: str) -> Device:
        """The memory behind a torch device name: `cuda`, `cuda:1`; whatever is no NVIDIA GPU shares the RAM."""
        kind, _, index = device.partition(":")
        return cls("gpu", int(index) if index.isdigit() else 0) if kind == "cuda" else cls()

    @classmethod
    def wished(cls, device: str) -> Device:
        """The memory behind `auto`, `cpu` or a torch device name, as a process that loads a model will choose it."""
        if device == "auto":
            gpu = cls("gpu")
            return gpu if free_bytes(gpu) is not None else cls()
        return cls.named(device)

    def __str__(self) -> str:
        return "RAM" if self.kind == "ram" else f"memory of GPU {self.index}"


def free_bytes(device: Device) -> int | None:
    """Memory that a new process could take now, in bytes; None where it cannot be asked (no driver library)."""
    if device.kind == "ram":
        return psutil.virtual_memory().available
    with _nvml() as nvml:
        if nvml is None:
            return None
        return int(nvml.nvmlDeviceGetMemoryInfo(nvml.nvmlDeviceGetHandleByIndex(device.index)).free)


def held_bytes(device: Device, pid: int) -> int:
    """Memory that would be free if a process and its children ended, in bytes; 0 for one that is gone.

    RAM counts what no other process shares (the unique set size): pages of a weights file that is mapped stay in the
    page cache anyway.
    """
    processes = _with_children(pid)
    if device.kind == "ram":
        return sum(_unique(process) for process in processes)
    with _nvml() as nvml:
        if nvml is None:
            return 0
        handle = nvml.nvmlDeviceGetHandleByIndex(device.index)
        pids = {process.pid for process in processes}
        running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        return sum(int(one.usedGpuMemory or 0) for one in running if one.pid in pids)


def in_words(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / MIB:.0f} MiB"


def _with_children(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _unique(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.AccessDenied:
        with contextlib.suppress(psutil.Error):
            return int(process.memory_info().rss)
    except psutil.Error:
        pass
    return 0


@contextlib.contextmanager
def _nvml() -> Iterator[ModuleType | None]:
    """NVIDIA's management library, or None where there is no driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # noqa: BLE001 - the library raises kinds of its own, and is missing where there is no GPU
        yield None
        return
    try:
        yield pynvml
    finally:
        with contextlib.suppress(Exception):
            pynvml.nvmlShutdown()
