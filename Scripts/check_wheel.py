#!/usr/bin/env python3
"""Installs a wheel into a fresh virtual environment and uses it there, as a user would.

  check_wheel.py WHEEL            with the LibTorch of Scripts/bootstrap.py in torch's place (no download)
  check_wheel.py WHEEL --torch    with the real torch from the package index

Makes data, a base model and a reward model, scores a response, and prints the seconds from the wheel to the score. The environment has no Swift and no make on its path.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bootstrap

# Settings of a model that is made in a few seconds.
BASE = ["base.architecture.hidden_size=32", "base.architecture.layers=1", "base.architecture.heads=2",
        "base.architecture.groups=2", "base.architecture.feed_forward_size=64", "base.vocabulary_size=320"]


def main(arguments) -> None:
    wheel = Path(arguments[0]).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        python = folder / "venv" / "bin" / "python"
        run([sys.executable, "-m", "venv", str(folder / "venv")])
        if "--torch" in arguments:
            packages = ["torch==2.11.0"] + [
                entry.requirement.replace("===", "==") for entry in bootstrap.WHEELS[bootstrap.host()][1:]]
            run([python, "-m", "pip", "install", "--quiet", "--no-deps", *packages])
        else:
            stand_in(folder / "venv")
        start = time.monotonic()
        run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)])
        environment = {"PATH": "/nowhere", "HOME": temporary}
        assay = str(folder / "venv" / "bin" / "assay")

        def use(*words, given=None):
            return subprocess.run(
                [assay, *words], cwd=temporary, env=environment, input=given, text=True, check=True,
                stdout=subprocess.PIPE).stdout

        settings = [word for setting in BASE for word in ("--set", setting)]
        recipe = folder / "base.yaml"
        use("playground", "--out", "world", "--train", "64", "--test", "8", "--quiet")
        corpus = (folder / "world" / "corpus.jsonl").read_text().splitlines(keepends=True)
        (folder / "corpus.jsonl").write_text("".join(corpus[:2000]))
        recipe.write_text("method: pretrain\ncorpus: corpus.jsonl\n")
        use("train", "base.yaml", *settings, "--out", "base", "--quiet")
        recipe.write_text("method: classic\nmodel: base\ndata:\n  train: world/train.jsonl\n")
        use("train", "base.yaml", "--out", "classic", "--quiet")
        row = json.dumps({"id": "1", "prompt": "how many apples?", "response": "two"})
        score = json.loads(use("score", "--model", "classic", "--data", "-", "--quiet", given=row))
        seconds = time.monotonic() - start
        assert isinstance(score["score"], float), score
        assert use("--version").strip(), "no version"
        refusal = without_torch(folder / "venv", assay, environment)
        assert "pip install torch==2.11.0" in refusal, refusal
        print("wheel to the score of a model of one's own: %.1f s, score %s" % (seconds, score["score"]))


def stand_in(environment: Path) -> None:
    """Puts the cached LibTorch where torch would be."""
    site = next(environment.glob("lib/python*/site-packages"))
    (site / "torch").mkdir()
    (site / "torch" / "__init__.py").write_text("")
    (site / "torch" / "lib").symlink_to(bootstrap.cache_folder() / bootstrap.folder_name() / "lib")
    info = site / "torch-2.11.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.11.0\n")


def without_torch(folder: Path, assay: str, environment: dict) -> str:
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "torch").rename(site / "hidden")
    done = subprocess.run([assay, "--version"], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    return done.stderr


def run(command) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
