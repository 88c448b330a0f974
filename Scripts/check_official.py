#!/usr/bin/env python3
"""Holds `assay eval` against the benchmarks' own scripts, on their own files and random scores.

usage: python3 Scripts/check_official.py BINARY --data DIR [--code DIR] [--seeds 3] [--published]

DIR of --data has a benchmark's file or folder by its name (rewardbench.jsonl, llmbar/, ...), as it is
published; where there is none, the rows in the published shape of Tests/.../benchmarks.json are taken, and
the table says so. DIR of --code has clones of the benchmarks' repositories, by the repository's name: their
own functions are then taken from there without running the rest of their files, else the formulas of
`official_figures.py`, which follow the same files, count. Scores are of few values, so that some are equal; verdicts have ties
and missing ones wherever the benchmark's script knows them. --published also counts the outputs of judges
that lie in these clones. Needs numpy. Prints a row a benchmark; exits with 1 where a figure is more than
1e-9 off.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from official_figures import BENCHMARKS, FLIP, Draw, Source, judgebench_figures, majority, mean

FIXTURE = pathlib.Path(__file__).parent.parent / "Tests/AssayEvaluateTests/Fixtures/benchmarks.json"


def assay(binary, name, path, scores, *options):
    """The sections of `assay eval` on recorded scores."""
    run = subprocess.run(
        [binary, "eval", "--scores", scores, "--benchmark", f"{name}={path}", "--format", "json", "--quiet", *options],
        capture_output=True, text=True,
    )
    if run.returncode:
        sys.exit(f"{name}: {run.stderr.strip()}")
    return next(iter(json.loads(run.stdout)["methods"].values()))[name]


def worst(figures, sections):
    """The largest difference of a figure."""
    lost = [name for name in figures if name not in sections]
    if lost:
        sys.exit(f"no figure for {', '.join(lost)}; there are {', '.join(sections)}")
    return max(abs(value - sections[name]["accuracy"]) for name, value in figures.items())


def published(binary, code, folder):
    """The published outputs of judges: benchmark, how many files, the largest difference."""
    clone = code / "JudgeBench"
    found = []
    for file in sorted((clone / "outputs").glob("*.jsonl")):
        set_ = clone / "data" / (file.name.split(",judge_name")[0] + ".jsonl")
        source = Source(set_, clone)
        own = source.take("utils/metrics.py", "flip_judgment", "compute_final_metrics")
        if set_.exists() and sum(1 for _ in file.open(encoding="utf-8")) == len(source.rows):
            found.append(worst(judgebench_figures(own, Source.read(file)), assay(binary, "judgebench", set_, file)))
    yield "judgebench", found
    found = []
    for file in sorted((code / "LLMBar/Dataset/LLMBar").rglob("result.json")):
        set_ = next(parent / "dataset.json" for parent in file.parents if (parent / "dataset.json").exists())
        own = json.loads((file.parent / "statistics.json").read_text())["correct_average"]
        found.append(worst({"overall": float(own.rstrip("%")) / 100}, assay(binary, "llmbar", set_, file)))
    yield "llmbar", found
    found = []
    for file in sorted((code / "PandaLM/data").glob("*-testset-v1.json")):
        set_ = Source(code / "PandaLM/data/testset-v1.json", None)
        key = next(key for key in Source.read(file)[0] if key.endswith("_result"))
        said = {str(row["idx"]): {"1": "A>B", "2": "B>A", "Tie": "A=B"}.get(str(row[key]).strip()) for row in Source.read(file)}
        lines = folder / "records.jsonl"
        lines.write_text("".join(
            json.dumps({"id": name, "verdicts": [said.get(name), FLIP.get(said.get(name), said.get(name))]}) + "\n"
            for name, *_ in set_.rows
        ))
        right = mean({"A>B": 1, "B>A": 2, "A=B": 0}.get(said.get(name)) == majority(row) for name, _, _, row in set_.rows)
        found.append(worst({"overall": right}, assay(binary, "pandalm", set_.path, lines)))
    yield "pandalm", found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--code", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--published", action="store_true")
    options = parser.parse_args()
    fixture = {part["name"]: part["rows"] for part in json.loads(FIXTURE.read_text(encoding="utf-8"))}
    failed = False
    print("| benchmark | rows | items | figures by | figures | largest difference |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, (function, repository, ways, switches) in BENCHMARKS.items():
            path = next((p for end in ("", ".jsonl", ".json") for p in [options.data / (name + end)] if p.exists()), None)
            kind = "its own" if path else "in its shape"
            if path is None:
                path = folder / f"{name}.jsonl"
                path.write_text("".join(json.dumps(row) + "\n" for row in fixture[name]), encoding="utf-8")
            source = Source(path, options.code and options.code / repository)
            differences, count = [], 0
            for seed in range(options.seeds):
                for judges in ways:
                    made = function(source, Draw(seed), judges)
                    if made is None:
                        continue
                    records, figures = made
                    lines = folder / "records.jsonl"
                    lines.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
                    differences.append(worst(figures, assay(options.binary, name, path, lines, *switches)))
                    count += len(figures)
            by = "its own functions" if source.own else "its formula"
            failed = failed or not differences or max(differences) > 1e-9
            print(f"| {name} | {kind} | {len(source.rows)} | {by} | {count} | {max(differences, default=float('nan')):.1e} |", flush=True)
        if options.published and options.code:
            for name, found in published(options.binary, options.code, folder):
                failed = failed or not found or max(found) > 1e-9
                print(f"| {name} | published outputs: {len(found)} | | | {len(found)} | {max(found, default=float('nan')):.1e} |", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
