"""Whether an exception is the machine's fault or the job's own."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final

from nas_scale.engines.base import reason
from nas_scale.errors import MachineFailed

# What the system answers when it has no more of something, or when a disk, a device or a connection is gone.
_ERRNOS: Final = frozenset(
    {
        errno.ENOMEM,
        errno.EAGAIN,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EIO,
        errno.ENXIO,
        errno.ENODEV,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
    }
)
# What libraries make of the same where they raise a RuntimeError: of the host's memory, and of anything else.
_MEMORY: Final = ("can't allocate memory: you tried", "DefaultCPUAllocator", "Cannot allocate memory")
_OTHERS: Final = (
    "can't start new thread",
    "No space left on device",
    "Too many open files",
    "unable to mmap",
    "No CUDA GPUs are available",
    "no CUDA-capable device",
    "CUDA driver",
    "NVIDIA driver",
    "busy or unavailable",
    "uncorrectable ECC error",
)


def is_machines(error: BaseException) -> bool:
    """Whether the machine failed, and not what ran on it: memory, disk, threads, connections, devices, libraries."""
    return any(_one_is(each) for each in _causes(error))


def loss(error: BaseException) -> tuple[str, bool]:
    """Of an error of the machine: what happened, in one line, and whether the job may have caused it (base.Lost)."""
    full = isinstance(error, MemoryError) and not str(error)
    return "this machine's memory is full" if full else reason(error), is_host_memory(error)


def is_host_memory(error: BaseException) -> bool:
    """Whether the host's memory ran out, which what ran on it may have caused."""
    return any(
        isinstance(each, MemoryError) or (isinstance(each, RuntimeError | OSError) and _says(each, _MEMORY))
        for each in _causes(error)
    )


def _one_is(error: BaseException) -> bool:
    if isinstance(error, MachineFailed | MemoryError | ConnectionError | ImportError):
        return True
    if isinstance(error, OSError) and error.errno in _ERRNOS:
        return True
    return isinstance(error, RuntimeError | OSError) and _says(error, (*_MEMORY, *_OTHERS))


def _says(error: BaseException, texts: tuple[str, ...]) -> bool:
    return any(text in str(error) for text in texts)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
