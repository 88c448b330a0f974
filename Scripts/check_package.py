#!/usr/bin/env python3
"""Builds a package of a stranger's that depends on the library, from the words of FirstScore.md and the README alone, and
scores with it.

  check_package.py MODEL [SCRATCH]

MODEL is a folder of a model that scores. SCRATCH is where the package is built, which is kept so that the next time is
short; by default a temporary folder, where everything is compiled. `make` must have run.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
GUIDE = CHECKOUT / "Sources/AssayKit/AssayKit.docc/FirstScore.md"


def blocks(path, kind):
    """The code blocks of a kind in a Markdown file."""
    return re.findall(rf"```{kind}\n(.*?)```", path.read_text(), re.DOTALL)


def main(arguments) -> None:
    if not arguments:
        raise SystemExit(__doc__)
    model = Path(arguments[0]).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scratch = Path(arguments[1]).resolve() if len(arguments) > 1 else folder / "build"
        # As the guide has it: the clone lies beside the package.
        (folder / "assay").symlink_to(CHECKOUT)
        package = folder / "example"
        (package / "Sources/Example").mkdir(parents=True)
        depends = next(block for block in blocks(GUIDE, "swift") if ".package(path:" in block)
        (package / "Package.swift").write_text(
            f'// swift-tools-version: 6.2\nimport PackageDescription\n\nlet package = Package(\nname: "Example",\n{depends})\n')
        code = next(block for block in blocks(CHECKOUT / "README.md", "swift") if "RewardModel.load" in block)
        (package / "Sources/Example/main.swift").write_text(code)
        # Where the README's lines look for their model.
        place = package / re.search(r'fileURLWithPath: "([^"]+)"', code).group(1)
        place.parent.mkdir(parents=True)
        place.symlink_to(model)
        command = re.search(r"`(PKG_CONFIG_PATH=\S+) (swift build [^`]+)`", GUIDE.read_text().replace("\n", " "))
        name, value = command.group(1).split("=")
        environment = {**os.environ, name: value}
        words = command.group(2).split() + ["--scratch-path", str(scratch)]
        start = time.monotonic()
        subprocess.run(words, cwd=package, env=environment, check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        libraries = CHECKOUT / ".build/release"
        binary = scratch / "release/Example"
        printed = subprocess.run(
            [binary], cwd=package, check=True, text=True, stdout=subprocess.PIPE,
            env={**environment, "LD_LIBRARY_PATH": str(libraries), "DYLD_LIBRARY_PATH": str(libraries)}).stdout
        lines = printed.splitlines()
        assert [line.split()[0] for line in lines] == ["11", "12"], printed
        assert all(re.fullmatch(r"-?\d+\.\d{3}", line.split()[1]) for line in lines), printed
        print(f"built in {seconds:.0f} s, and scored: {'; '.join(lines)}")


if __name__ == "__main__":
    main(sys.argv[1:])
