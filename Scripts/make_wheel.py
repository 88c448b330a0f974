#!/usr/bin/env python3
"""Packs the release binary into a Python wheel. Called by `make wheel`; needs strip and readelf (binutils).

  make_wheel.py BINARY FOLDER   takes BINARY and the engine beside it, writes FOLDER/assay-<version>-py3-none-<platform>.whl and prints its path

`pip install` of the wheel gives the command `assay`, which uses the LibTorch of torch 2.11.0: the binary is
stripped, has Swift's libraries in it (Scripts/link_static.py), and its engine finds LibTorch when it is opened,
through Scripts/wheel/__init__.py. The platform's tag is the oldest C library that the binary loads on. Same binary,
same wheel, byte for byte.
"""

import base64
import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENGINE = "libAssayTorch.so"
# What may be missing on a machine with Python and torch: nothing. These come with the C library, with every
# desktop and server, or with torch.
KNOWN = re.compile(
    r"^(ld-linux.*|lib(c|m|dl|pthread|rt|util|gcc_s|stdc\+\+|z)|libtorch_cpu|libc10)\.(so|dylib)[.0-9]*$")


def main(binary: Path, folder: Path) -> None:
    for tool in ("strip", "readelf"):
        if not shutil.which(tool):
            sys.exit("make wheel needs %s: install binutils" % tool)
    version = subprocess.run(
        [str(binary), "--version"], check=True, capture_output=True, text=True).stdout.strip()
    files = {"assay/assay": stripped(binary), "assay/" + ENGINE: stripped(binary.parent / ENGINE)}
    oldest = max(glibc(content) for content in files.values())
    tag = "py3-none-manylinux_2_%d_%s" % (oldest, platform.machine())
    for name in ("__init__.py", "__main__.py"):
        files["assay/" + name] = (ROOT / "wheel" / name).read_bytes()
    info = "assay-%s.dist-info/" % version
    files[info + "METADATA"] = metadata(version).encode()
    files[info + "WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: assay\nRoot-Is-Purelib: false\nTag: %s\n" % tag).encode()
    files[info + "entry_points.txt"] = b"[console_scripts]\nassay = assay:main\n"
    files[info + "licenses/LICENSE"] = (ROOT.parent / "LICENSE").read_bytes()
    files[info + "RECORD"] = record(files, info + "RECORD").encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / ("assay-%s-%s.whl" % (version, tag))
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100755 if name == "assay/assay" else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    print(wheel)


def stripped(binary: Path) -> bytes:
    """A binary without its symbols, after a look at what it needs."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / binary.name
        shutil.copyfile(binary, copy)
        subprocess.run(["strip", str(copy)], check=True)
        check_libraries(copy)
        return copy.read_bytes()


def check_libraries(binary: Path) -> None:
    """Ends where the binary needs a library that the machines it is for may lack."""
    text = subprocess.run(
        ["readelf", "-d", str(binary)], check=True, capture_output=True, text=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", text)
    unknown = [name for name in needed if not KNOWN.match(name)]
    if unknown:
        sys.exit("the binary needs %s, which other machines lack: link it with Scripts/link_static.py"
                 % ", ".join(unknown))


def glibc(binary: bytes) -> int:
    """The minor version of the oldest C library that has all symbols, at least torch's own 2.28."""
    return max([28] + [int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)\0", binary)])


def metadata(version: str) -> str:
    return "\n".join([
        "Metadata-Version: 2.4",
        "Name: assay",
        "Version: " + version,
        "Summary: Trains, evaluates and serves reward models that explain themselves",
        "License-Expression: Apache-2.0",
        "License-File: LICENSE",
        "Requires-Python: >=3.9",
        "Requires-Dist: torch (==2.11.0)",
        "Description-Content-Type: text/markdown",
        "",
        (ROOT.parent / "README.md").read_text(encoding="utf-8"),
    ])


def record(files: dict, own: str) -> str:
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append("%s,sha256=%s,%d" % (name, digest, len(data)))
    return "\n".join(lines + [own + ",,", ""])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
