#!/usr/bin/env python3
"""Links the release binary once more, with Swift's libraries in it. Called by `make static`.

    python3 Scripts/link_static.py .build/release OUT

The engine, which the binary opens, is linked into OUT's folder without Swift's libraries: it has no Swift.

`swift build --static-swift-stdlib` gives the same, but compiles everything a second time: it takes
what is compiled with and without that option for different things, though only the last step differs.
On macOS, where Swift's libraries come with the system, the binary is copied.
"""

import shutil
import subprocess
import sys
from pathlib import Path

# What Foundation is made of. Modules that are imported from Swift's dynamic libraries do not name it.
FOUNDATION = [
    "Foundation", "FoundationEssentials", "FoundationInternationalization", "CoreFoundation",
    "_FoundationCShims", "_FoundationCollections", "_FoundationICU", "dispatch", "BlocksRuntime",
]

ENGINE = "libAssayTorch.so"


def main(release: Path, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if sys.platform == "darwin":
        shutil.copy2(release / "assay", out)
        shutil.copy2(release / "libAssayTorch.dylib", out.parent)
        return
    link("swiftc", [
        "-static-stdlib", "-emit-executable", "-module-name", "assay", "-o", str(out),
        "-Xlinker", "--gc-sections", "-Xlinker", "--defsym", "-Xlinker", "main=assay_main",
        "-Xlinker", "-rpath=$ORIGIN", objects(release, "assay"), *("-l" + name for name in FOUNDATION),
        *packages("zlib"), "-lm"])
    link("clang++", [
        "-shared", "-o", str(out.parent / ENGINE), "-Wl,-rpath,$ORIGIN", "-Wl,-soname," + ENGINE,
        objects(release, "AssayTorch"), *packages("libtorch")])


def packages(name: str) -> list:
    return subprocess.run(
        ["pkg-config", "--libs", name], check=True, capture_output=True, text=True).stdout.split()


def objects(release: Path, product: str) -> str:
    return "@%s" % (release / (product + ".product") / "Objects.LinkFileList")


def link(tool: str, words: list) -> None:
    # Warnings are of Foundation's archives, for calls that a wholly static program could not make.
    done = subprocess.run([tool, *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("link_static.py: %s says:\n%s%s" % (tool, done.stdout, done.stderr))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
