"""Starts the `assay` binary that lies beside this file with the LibTorch of the installed `torch`."""

import importlib.util
import os
import sys
from importlib import metadata
from pathlib import Path

TORCH = "2.11.0"
VARIABLE = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"


def libraries():
    """Returns the folders of LibTorch and of what it needs, or ends with a sentence."""
    spec = importlib.util.find_spec("torch")  # does not import it
    try:
        found = metadata.version("torch") if spec else None
    except metadata.PackageNotFoundError:
        found = None
    if found is None or found.split("+")[0] != TORCH:
        have = "no torch is installed" if found is None else "torch %s is installed" % found
        sys.exit("assay: %s, and this was built for %s; run `%s -m pip install torch==%s`"
                 % (have, TORCH, sys.executable, TORCH))
    torch = Path(spec.origin).parent
    return [torch / "lib", *sorted(torch.parent.glob("nvidia/*/lib"))]


def main():
    """Becomes the binary, with the arguments of this process."""
    folders = [str(folder) for folder in libraries()]
    inherited = os.environ.get(VARIABLE)
    environment = dict(os.environ)
    environment[VARIABLE] = os.pathsep.join(folders + ([inherited] if inherited else []))
    binary = str(Path(__file__).resolve().parent / "assay")
    os.execve(binary, ["assay", *sys.argv[1:]], environment)
