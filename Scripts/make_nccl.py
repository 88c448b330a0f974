#!/usr/bin/env python3
"""Compiles what adds up gradients over several GPUs. Called by `make nccl`.

    ASSAY_LIBTORCH=.../site-packages/torch python3 Scripts/make_nccl.py DIR

writes DIR/libassay_nccl.so, which the binary beside it opens when several processes train on GPUs. It
needs a torch that was installed with its CUDA libraries, and CUDA's headers beside it, in
site-packages/nvidia. CXX names another compiler than clang++.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, NoReturn

SOURCE = Path(__file__).resolve().parent.parent / "Plugins" / "nccl" / "nccl.cpp"
LIBRARY = "libassay_nccl.so"
# The last two are headers alone, which torch does not ask for.
INSTALL = (
    "on Linux, `pip install torch==2.11.0 nvidia-cuda-crt==13.0.* nvidia-cuda-cccl==13.0.*`, and set "
    "ASSAY_LIBTORCH to the folder of torch in it (site-packages/torch)")
HEADERS = ("cuda_runtime_api.h", "nccl.h", "crt/host_config.h", "nv/target")


def main(folder: Path) -> None:
    libtorch = Path(os.environ.get("ASSAY_LIBTORCH") or fail("set ASSAY_LIBTORCH: %s." % INSTALL))
    libtorch = libtorch.expanduser()
    if not (libtorch / "lib" / "libtorch_cuda.so").is_file():
        fail("there is no libtorch_cuda.so in ASSAY_LIBTORCH=%s: %s." % (libtorch, INSTALL))
    nvidia = [Path(path) for path in sorted(libtorch.resolve().parent.glob("nvidia/*/include"))]
    missing = [name for name in HEADERS
               if not any((path / name).is_file() for path in nvidia)]
    if missing:
        fail("%s is not in %s/nvidia/*/include: %s." % (
            " and ".join(missing), libtorch.resolve().parent, INSTALL))
    compiler = os.environ.get("CXX") or shutil.which("clang++") or shutil.which("g++")
    if not compiler:
        fail("there is no clang++ or g++ on the PATH: set CXX to a compiler of C++20.")
    target = folder / LIBRARY
    temporary = target.with_suffix(".tmp%d" % os.getpid())
    done = subprocess.run([
        compiler, "-std=c++20", "-O2", "-fPIC", "-shared", "-Wall", "-Werror",
        *includes([libtorch / "include", libtorch / "include/torch/csrc/api/include", *nvidia]),
        str(SOURCE), "-o", str(temporary), "-L%s" % (libtorch / "lib"),
        "-ltorch_cuda", "-ltorch_cpu", "-lc10_cuda", "-lc10", "-Wl,-rpath,$ORIGIN"])
    if done.returncode != 0:
        fail("%s could not compile %s (its messages are above)." % (compiler, SOURCE))
    temporary.replace(target)
    print("The library is %s" % target.resolve())


def includes(folders: List[Path]) -> List[str]:
    """Headers of others, of whose warnings nothing is wanted."""
    return [word for folder in folders for word in ("-isystem", str(folder))]


def fail(message: str) -> NoReturn:
    sys.exit("make_nccl.py: " + message)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
