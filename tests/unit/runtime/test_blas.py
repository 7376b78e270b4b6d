"""How many threads matrix products use."""

import subprocess
import sys

_PROGRAM = """
import numpy
from threadpoolctl import threadpool_info
from soutu_services.runtime.blas import use_one_blas_thread
use_one_blas_thread()
print([library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"])
"""


def test_blas_libraries_work_on_one_thread() -> None:
    printed = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[1]"
