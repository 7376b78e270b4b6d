"""A file's name on the disk: its bytes outlast a power cut without it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = ["flush_folder"]


def flush_folder(folder: Path) -> None:
    """Flush a folder, so that the names in it outlive a power cut. Windows does it by itself.

    Raises:
        OSError: The disk failed.
    """
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some disks of other machines flush no folders
            raise
    finally:
        os.close(descriptor)
