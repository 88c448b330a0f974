#!/usr/bin/env python3
"""Installs the binary, LibTorch, shell completions and the manual page. Called by `make install`.

  install.py BINARY PREFIX [DESTDIR]

| below PREFIX | holds |
| --- | --- |
| lib/assay | the binary, its engine and LibTorch's libraries |
| bin/assay | a link to it |
| share/bash-completion/completions, share/zsh/site-functions, share/fish/vendor_completions.d | completions |
| share/man/man1/assay.1 | the manual page |
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMPLETIONS = {
    "bash": "share/bash-completion/completions/assay",
    "zsh": "share/zsh/site-functions/_assay",
    "fish": "share/fish/vendor_completions.d/assay.fish",
}


def main(binary: Path, prefix: str, staging: str) -> None:
    root = Path(staging + os.path.abspath(prefix))
    programs, library = root / "bin", root / "lib" / "assay"
    for folder in (programs, library, root / "share" / "man" / "man1"):
        folder.mkdir(parents=True, exist_ok=True)
    for path in library.iterdir():
        path.unlink()
    shutil.copy2(binary, library / "assay")
    for path in binary.parent.iterdir():
        if path.name.startswith("lib"):
            shutil.copyfile(path.resolve(), library / path.name)
    link = programs / "assay"
    if link.is_symlink() or link.exists():
        link.unlink()
    link.symlink_to(os.path.relpath(library / "assay", programs))
    for shell, name in COMPLETIONS.items():
        text = output([str(binary), "--generate-completion-script", shell])
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    page = output([sys.executable, str(Path(__file__).parent / "man_page.py"), str(binary)])
    (root / "share" / "man" / "man1" / "assay.1").write_text(page)
    print("installed %s" % link)


def output(command) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else "")
    except PermissionError as error:
        sys.exit("make install: cannot write %s; run it as root, or give PREFIX=$HOME/.local" % error.filename)
