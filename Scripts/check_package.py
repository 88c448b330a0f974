#!/usr/bin/env python3
"""Builds a package of a stranger's that depends on the library, from the words of FirstScore.md and the README alone, and
scores with it.

  check_package.py                  everything is compiled, in a temporary folder
  check_package.py --scratch DIR    everything is compiled in DIR, which is kept so that the next time is short
  check_package.py --shared         in the checkout's .build, where the library is compiled already

`make` must have run. Without --model, a tiny model is trained for it.
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tiny_world import World

CHECKOUT = Path(__file__).resolve().parent.parent
GUIDE = CHECKOUT / "Sources/AssayKit/AssayKit.docc/FirstScore.md"


def blocks(path, kind):
    """The code blocks of a kind in a Markdown file."""
    return re.findall(rf"```{kind}\n(.*?)```", path.read_text(), re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder of a model that scores")
    parser.add_argument("--scratch", help="where the package is built")
    parser.add_argument("--shared", action="store_true", help="build it in the checkout's .build")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = options.model or World(CHECKOUT / ".build/release/assay", folder / "models").folder / "classic"
        scratch = CHECKOUT / ".build" if options.shared else Path(options.scratch or folder / "build").resolve()
        # As the guide has it: the clone lies beside the package.
        (folder / "assay").symlink_to(CHECKOUT)
        package = folder / "example"
        (package / "Sources/Example").mkdir(parents=True)
        depends = next(block for block in blocks(GUIDE, "swift") if ".package(path:" in block)
        if options.shared:
            # What is compiled is the same only where the library has its own path, whose last part is its name.
            depends = depends.replace('"../assay"', f'"{CHECKOUT}"')
            depends = depends.replace('package: "assay"', f'package: "{CHECKOUT.name}"')
            shutil.copy(CHECKOUT / "Package.resolved", package)
        (package / "Package.swift").write_text(
            f'// swift-tools-version: 6.2\nimport PackageDescription\n\nlet package = Package(\nname: "Example",\n{depends})\n')
        code = next(block for block in blocks(CHECKOUT / "README.md", "swift") if "RewardModel.load" in block)
        (package / "Sources/Example/main.swift").write_text(code)
        # Where the README's lines look for their model.
        place = package / re.search(r'fileURLWithPath: "([^"]+)"', code).group(1)
        place.parent.mkdir(parents=True)
        place.symlink_to(Path(model).resolve())
        command = re.search(r"`(PKG_CONFIG_PATH=\S+) (swift build [^`]+)`", GUIDE.read_text().replace("\n", " "))
        name, value = command.group(1).split("=")
        environment = {**os.environ, name: value.replace("$PWD", str(package))}
        words = command.group(2).split() + ["--scratch-path", str(scratch)]
        start = time.monotonic()
        # Swift's compiler tells its errors on standard output.
        done = subprocess.run(words, cwd=package, env=environment, text=True, stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)} ends with {done.returncode}:\n{done.stdout[-4000:]}")
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
    main()
