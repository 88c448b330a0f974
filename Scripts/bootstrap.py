#!/usr/bin/env python3
"""Makes LibTorch ready for the build. Called by the Makefile; needs Python 3.8 and pip only.

  bootstrap.py          finds or downloads LibTorch, writes .build/pkgconfig/libtorch.pc
  bootstrap.py link DIR puts LibTorch's libraries beside the binaries in DIR, as symbolic links

LibTorch comes from the `torch` wheel. What the build uses of it is unpacked once per user, into
`<cache>/libtorch-<version>-<platform>/{include,lib}`. Environment variables:

  ASSAY_CACHE     the cache folder (default: `assay` in the user's cache folder)
  ASSAY_LIBTORCH  an installed LibTorch to use instead: a folder with include/ and lib/, such as
                  site-packages/torch. With CUDA libraries in it, the GPU can be used.

A folder of that name is complete: it is made under a temporary name and renamed last. What an
interrupted run leaves behind is removed by the next one. Changing what is unpacked therefore needs
another folder name.
"""

import errno
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, NamedTuple, NoReturn, Optional

VERSION = "2.11.0"
MINIMUM_SWIFT = (6, 2)
CHECKOUT = Path(__file__).resolve().parent.parent
PKG_CONFIG_FILE = CHECKOUT / ".build" / "pkgconfig" / "libtorch.pc"
# Of the wheel's headers, those that torch/torch.h and the ATen kernels' headers reach.
INCLUDE = "torch/include/"
HEADERS = ("ATen/", "c10/", "caffe2/", "fmt/", "torch/", "sleef.h")
SWIFT_ADVICE = "install Swift 6.2 or newer (https://swift.org/install)."


class SetupError(Exception):
    """A sentence that says what is missing and what to do."""


class Wheel(NamedTuple):
    """One wheel of the package index and what is taken from it."""

    requirement: str
    tag: str  # pip's name of the platform
    sha256: str
    libraries: List[str]  # paths in the wheel


def torch(tag: str, sha256: str, libraries: List[str]) -> Wheel:
    # `===` leaves out local versions such as 2.11.0+cpu, whose libraries differ.
    return Wheel("torch===" + VERSION, tag, sha256, ["torch/lib/" + name for name in libraries])


def nvidia(requirement: str, tag: str, sha256: str, library: str) -> Wheel:
    return Wheel(requirement, tag, sha256, ["nvidia/cu13/lib/" + library])


# libtorch_cpu of the Linux wheels is built with CUDA and needs two small libraries of it to load.
WHEELS = {
    "linux-x86_64": [
        torch(
            "manylinux_2_28_x86_64",
            "0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756",
            ["libtorch_cpu.so", "libc10.so", "libgomp.so.1"]),
        nvidia(
            "nvidia-cuda-runtime===13.0.96", "manylinux_2_17_x86_64",
            "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548", "libcudart.so.13"),
        nvidia(
            "nvidia-cuda-cupti===13.0.85", "manylinux_2_25_x86_64",
            "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8", "libcupti.so.13"),
    ],
    "linux-aarch64": [
        torch(
            "manylinux_2_28_aarch64",
            "f99924682ef0aa6a4ab3b1b76f40dc6e273fca09f367d15a524266db100a723f",
            ["libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libarm_compute.so",
              "libarm_compute_graph.so", "libnvpl_blas_core.so.0", "libnvpl_blas_lp64_gomp.so.0",
              "libnvpl_lapack_core.so.0", "libnvpl_lapack_lp64_gomp.so.0"]),
        nvidia(
            "nvidia-cuda-runtime===13.0.96", "manylinux_2_17_aarch64",
            "ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55", "libcudart.so.13"),
        nvidia(
            "nvidia-cuda-cupti===13.0.85", "manylinux_2_25_aarch64",
            "796bd679890ee55fb14a94629b698b6db54bcfd833d391d5e94017dd9d7d3151", "libcupti.so.13"),
    ],
    "macos-arm64": [
        torch(
            "macosx_11_0_arm64",
            "4b5866312ee6e52ea625cd211dcb97d6a2cdc1131a5f15cc0d87eec948f6dd34",
            ["libtorch_cpu.dylib", "libc10.dylib", "libomp.dylib"]),
    ],
}
SPACE_NEEDED_GIB = 2  # the wheel and what is unpacked from it, at once; 1.1 GiB on x86-64 Linux


def main(arguments: List[str]) -> None:
    if arguments == []:
        if not PKG_CONFIG_FILE.is_file():
            check_tools()
        write_pkg_config(installed_libtorch() or cached_libtorch())
    elif len(arguments) == 2 and arguments[0] == "link":
        libtorch = installed_libtorch() or cache_folder() / folder_name()
        link_libraries(libtorch, Path(arguments[1]))
    else:
        raise SetupError("usage: bootstrap.py [link DIR]")


# Where LibTorch is


def host() -> str:
    system = {"Linux": "linux", "Darwin": "macos"}.get(platform.system(), platform.system())
    return "%s-%s" % (system, platform.machine())


def folder_name() -> str:
    return "libtorch-%s-%s" % (VERSION, host())


def cache_folder() -> Path:
    if os.environ.get("ASSAY_CACHE"):
        return Path(os.environ["ASSAY_CACHE"]).expanduser().resolve()
    if platform.system() == "Darwin":
        return Path.home() / "Library" / "Caches" / "assay"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay"


def installed_libtorch() -> Optional[Path]:
    """Returns the folder that ASSAY_LIBTORCH names, checked, or None where it is not set."""
    if not os.environ.get("ASSAY_LIBTORCH"):
        return None
    folder = Path(os.environ["ASSAY_LIBTORCH"]).expanduser().resolve()
    missing = [name for name in ("include", "lib") if not (folder / name).is_dir()]
    if not missing and not list(folder.glob("lib/libtorch_cpu.*")):
        missing = ["lib/libtorch_cpu"]
    if missing:
        raise SetupError(
            "ASSAY_LIBTORCH=%s has no %s: set it to a folder with include/ and lib/, such as "
            "site-packages/torch." % (folder, " and no ".join(missing)))
    found = header_version(folder)
    if found != VERSION:
        raise SetupError(
            "ASSAY_LIBTORCH=%s is version %s, and Assay is built against %s only: install "
            "torch==%s there, or unset ASSAY_LIBTORCH to have it downloaded."
            % (folder, found, VERSION, VERSION))
    return folder


def header_version(folder: Path) -> str:
    # From 2.9 on in headeronly; before, in the C++ API's own header.
    for name in ("torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h"):
        path = folder / "include" / name
        text = path.read_text() if path.is_file() else ""
        parts = re.findall(r"#define TORCH_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text)
        if len(parts) == 3:
            return ".".join(parts)
    return "unknown (no version.h)"


# Downloading


def cached_libtorch() -> Path:
    """Returns the cached LibTorch's folder, after making it where it does not exist."""
    cache = cache_folder()
    folder = cache / folder_name()
    if folder.is_dir():
        return folder
    if host() not in WHEELS:
        raise SetupError(
            "There is no LibTorch %s wheel for %s: set ASSAY_LIBTORCH to a build of your own, or "
            "use x86-64 or aarch64 Linux or an Apple silicon Mac." % (VERSION, host()))
    check_pip()
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / (folder_name() + ".lock")) as lock:
        if not folder.is_dir():  # another run may have made it meanwhile
            make_libtorch(folder, lock)
    return folder


def locked(path: Path):
    """Opens a file and holds its lock until it is closed, even if this process is killed."""
    import fcntl

    file = open(path, "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Waiting for another set-up to finish (it holds %s)" % path)
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def make_libtorch(folder: Path, lock) -> None:
    import tempfile

    for stale in folder.parent.glob(folder.name + ".tmp*"):
        shutil.rmtree(stale)
    free = shutil.disk_usage(folder.parent).free / 2**30
    if free < SPACE_NEEDED_GIB:
        raise SetupError(
            "%s has %.1f GiB free and the set-up needs %d: free some, or set ASSAY_CACHE to a "
            "folder on another disk." % (folder.parent, free, SPACE_NEEDED_GIB))
    temporary = Path(tempfile.mkdtemp(prefix=folder.name + ".tmp", dir=str(folder.parent)))
    try:
        for wheel in WHEELS[host()]:
            say("Downloading %s for %s" % (wheel.requirement.replace("===", " "), host()))
            unpack(download(wheel, temporary / "download", lock), wheel, temporary / "tree")
            shutil.rmtree(temporary / "download")
        tree = temporary / "tree"
        (tree / "libtorch.pc").write_text(pkg_config_text("${pcfiledir}"))
        tree.rename(folder)
        say("LibTorch %s is in %s" % (VERSION, folder))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def download(wheel: Wheel, folder: Path, lock) -> Path:
    """Has pip fetch a wheel, whatever this Python's version, and check its hash."""
    folder.mkdir()
    requirements = folder / "requirements.txt"
    requirements.write_text("%s --hash=sha256:%s\n" % (wheel.requirement, wheel.sha256))
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:",
        "--no-cache-dir", "--disable-pip-version-check", "--python-version", "3.12",
        "--implementation", "cp", "--abi", "cp312", "--platform", wheel.tag,
        "--dest", str(folder), "-r", str(requirements),
    ]
    # pip inherits the lock: should this process be killed, the lock lasts as long as pip does.
    result = subprocess.run(
        command, stdout=sys.stderr, stderr=subprocess.PIPE, pass_fds=[lock.fileno()],
        env=dict(os.environ, TMPDIR=str(folder)), universal_newlines=True)
    wheels = list(folder.glob("*.whl"))
    if result.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    sys.stderr.write(result.stderr)
    raise SetupError(download_problem(wheel, result.stderr))


def download_problem(wheel: Wheel, log: str) -> str:
    name = wheel.requirement.replace("===", " ")
    if "DO NOT MATCH THE HASHES" in log:
        return (
            "The index served a %s whose SHA-256 is not the one in Scripts/bootstrap.py: use an "
            "index that carries PyPI's own files, or set ASSAY_LIBTORCH." % name)
    if "No space left" in log:
        return "The disk filled up while downloading %s: free 2 GiB or set ASSAY_CACHE." % name
    return (
        "pip could not download %s (its messages are above): check the network and `pip config "
        "list`, or set ASSAY_LIBTORCH to an installed torch %s." % (name, VERSION))


def unpack(archive: Path, wheel: Wheel, tree: Path) -> None:
    """Unpacks a wheel's headers to tree/include and its libraries to tree/lib."""
    import zipfile

    with zipfile.ZipFile(archive) as file:
        for name in wheel.libraries:
            copy_member(file, name, tree / "lib" / os.path.basename(name))
        for name in file.namelist():
            path = name[len(INCLUDE):]
            if name.startswith(INCLUDE) and path.startswith(HEADERS) and not name.endswith("/"):
                copy_member(file, name, tree / "include" / path)


def copy_member(file, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with file.open(name) as source, open(target, "wb") as destination:
        shutil.copyfileobj(source, destination, 1 << 20)


# Tools


def check_tools() -> None:
    """Says what is missing on this machine. Runs once per checkout, before the first build."""
    if not shutil.which("swift"):
        raise SetupError("swift is not on the PATH: " + SWIFT_ADVICE)
    result = subprocess.run(
        ["swift", "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        universal_newlines=True)
    version = re.search(r"Swift version (\d+)\.(\d+)", result.stdout)
    if result.returncode != 0 or not version:
        raise SetupError("`swift --version` fails: " + SWIFT_ADVICE)
    if (int(version[1]), int(version[2])) < MINIMUM_SWIFT:
        raise SetupError("swift is version %s.%s: %s" % (version[1], version[2], SWIFT_ADVICE))
    if platform.system() == "Linux":
        check_linux_packages()


def check_linux_packages() -> None:
    if platform.libc_ver()[0] != "glibc":
        raise SetupError(
            "LibTorch needs glibc, and this Linux has another C library: use Debian, Ubuntu, "
            "Fedora or the like.")
    if not shutil.which("pkg-config"):
        raise SetupError(
            "pkg-config is missing: install it (Debian: apt install pkg-config; Fedora: dnf "
            "install pkgconf).")
    if subprocess.run(["pkg-config", "--exists", "zlib"]).returncode != 0:
        raise SetupError(
            "zlib's header is missing: install it (Debian: apt install zlib1g-dev; Fedora: dnf "
            "install zlib-devel).")


def check_pip() -> None:
    import importlib.util

    if importlib.util.find_spec("pip") is None:
        raise SetupError(
            "%s has no pip module: install it (Debian: apt install python3-pip; elsewhere: python3 "
            "-m ensurepip)." % sys.executable)


# What the build reads


def pkg_config_text(prefix: str) -> str:
    return "\n".join([
        "prefix=" + prefix.replace(" ", "\\ "),
        "Name: libtorch",
        "Description: LibTorch (the CPU part), from the torch wheel",
        "Version: " + VERSION,
        "Cflags: -I${prefix}/include -I${prefix}/include/torch/csrc/api/include",
        "Libs: -L${prefix}/lib -ltorch_cpu -lc10",
        "",
    ])


def write_pkg_config(libtorch: Path) -> None:
    text = pkg_config_text(str(libtorch))
    if PKG_CONFIG_FILE.is_file() and PKG_CONFIG_FILE.read_text() == text:
        return
    PKG_CONFIG_FILE.parent.mkdir(parents=True, exist_ok=True)
    temporary = PKG_CONFIG_FILE.with_suffix(".tmp%d" % os.getpid())
    temporary.write_text(text)
    temporary.replace(PKG_CONFIG_FILE)


def link_libraries(libtorch: Path, folder: Path) -> None:
    """Links LibTorch's libraries into the binaries' folder, which is on the binaries' run path.

    A CUDA build also needs NVIDIA's libraries there: the run path of libtorch_cuda counts from
    where it was loaded. Links to another LibTorch are removed, so that two never mix.
    """
    sources = list((libtorch / "lib").iterdir()) + list(libtorch.parent.glob("nvidia/*/lib/*"))
    wanted = {path.name: str(path) for path in sources if is_library(path.name)}
    for path in folder.iterdir():
        if path.is_symlink() and is_library(path.name):
            if os.readlink(path) == wanted.get(path.name):
                del wanted[path.name]
            else:
                path.unlink()
    for name, target in wanted.items():
        os.symlink(target, folder / name)


def is_library(name: str) -> bool:
    return "python" not in name and re.search(r"^lib.*\.(so|so\.[0-9.]+|dylib)$", name) is not None


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def fail(message: str, status: int = 1) -> NoReturn:
    say("set-up: " + message)
    sys.exit(status)


if __name__ == "__main__":
    if sys.version_info < (3, 8):
        fail("python3 is version %s: install Python 3.8 or newer." % platform.python_version())
    try:
        main(sys.argv[1:])
    except SetupError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted; run it again to start over.", 130)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        advice = "free some space" if full else "check that folder, or set ASSAY_CACHE to another"
        fail("%s: %s." % (error, advice))
