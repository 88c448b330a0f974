#!/usr/bin/env python3
"""Checks our kernels for a processor that the tests do not run on, under emulation.

On Debian, for Arm's NEON from an x86-64 machine:

  apt install g++-aarch64-linux-gnu qemu-user-static
  python3 Scripts/check_kernels.py --target aarch64-linux-gnu --run qemu-aarch64-static

Without --target it checks this machine, and with ASSAY_CPU (portable, avx2, avx512) older
instructions of it. Needs Swift's clang and LibTorch's headers: run `make` first.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ROOT / "Sources" / "CTorchEngine"
SOURCES = ["kernels.cpp", "packed_vectors.cpp", "packed_amx.cpp", "packed_integers.cpp"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--target", help="such as aarch64-linux-gnu (default: this machine)")
    parser.add_argument("--run", default="", help="the emulator (default: none)")
    parser.add_argument("--clang", default="clang++", help="default: clang++")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "check_kernels")
        subprocess.run(build(arguments, program), check=True)
        command = ([arguments.run] if arguments.run else []) + [program]
        return subprocess.run(command).returncode


def build(arguments, program):
    command = [arguments.clang, "-std=c++20", "-O2", "-static", "-o", program, "-I", str(KERNELS)]
    if arguments.target:
        command += [
            "--target=" + arguments.target, "--gcc-toolchain=/usr",
            "-isystem", "/usr/%s/include" % arguments.target]
    return command + include_folders() + [str(ROOT / "Scripts" / "check_kernels.cpp")] + [
        str(KERNELS / name) for name in SOURCES]


def include_folders():
    """What libtorch.pc says, beside the module map's own folder."""
    folders = os.environ.get("PKG_CONFIG_PATH", "")
    found = subprocess.run(
        ["pkg-config", "--cflags", "libtorch"], capture_output=True, text=True,
        env={**os.environ, "PKG_CONFIG_PATH": "%s:%s" % (ROOT / ".build" / "pkgconfig", folders)})
    if found.returncode != 0:
        sys.exit("check_kernels: LibTorch's headers are missing: run `make` first")
    return ["-I", str(ROOT / "Sources" / "CTorch")] + found.stdout.split()


if __name__ == "__main__":
    sys.exit(main())
