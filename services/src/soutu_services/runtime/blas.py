"""Threads of the matrix products that numpy and FAISS leave to their BLAS libraries."""

from __future__ import annotations

from threadpoolctl import ThreadpoolController

__all__ = ["use_one_blas_thread"]


def use_one_blas_thread() -> None:
    """Let every BLAS library that is loaded now work on the calling thread alone, until the process ends.

    The services' matrices are small and their own threads many: a BLAS with threads of its own wins no time on them, and its idle
    threads spin, which on two cores doubled the CPU time of a picture's embedding. Libraries that are loaded later, such as
    torch's, keep their threads.
    """
    ThreadpoolController().limit(limits=1, user_api="blas")
