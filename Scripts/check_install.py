#!/usr/bin/env python3
"""Installs a binary below a folder of its own and uses it there: the command, its completions, its manual page.

  check_install.py BINARY   the binary of `make static`; .build/static/assay
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import check_wheel
import install


def main(binary: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "opt"
        # Twice: a newer version replaces an older one.
        for _ in range(2):
            install.main(Path(binary), str(root), "")
        assay = str(root / "bin" / "assay")
        environment = {"PATH": "/nowhere", "HOME": temporary}

        def use(*words):
            return subprocess.run([assay, *words], cwd=temporary, env=environment, text=True, check=True,
                                  stdout=subprocess.PIPE).stdout

        assert use("--version").strip(), "no version"
        written = json.loads(use("playground", "--out", "world", "--train", "1", "--test", "1", "--corpus", "200", "--json", "--quiet"))
        assert written, "no counts"
        # What computes needs the engine and LibTorch beside the binary.
        recipe = Path(temporary) / "base.yaml"
        recipe.write_text("method: pretrain\ncorpus: world/corpus.jsonl\n")
        settings = [word for setting in check_wheel.BASE + ["compute.steps=2"] for word in ("--set", setting)]
        use("train", "base.yaml", *settings, "--out", "base", "--quiet")
        assert list((Path(temporary) / "base").glob("*/checkpoint/model.safetensors")), "no model"
        commands = [command["commandName"] for command in json.loads(
            use("--experimental-dump-help"))["command"]["subcommands"]]
        page = (root / "share/man/man1/assay.1").read_text().replace("\\-", "-")
        assert len(commands) > 20 and page.startswith(".TH"), page[:80]
        for place in [page, *((root / name).read_text() for name in install.COMPLETIONS.values())]:
            missing = [command for command in commands if command not in place]
            assert not missing, f"without {missing}: {place[:200]}"
        for shell, name in install.COMPLETIONS.items():
            if shutil.which(shell):
                subprocess.run([shell, "-n", str(root / name)], check=True)
    print("the installed command runs, and its completions and manual page name its %d commands" % len(commands))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
