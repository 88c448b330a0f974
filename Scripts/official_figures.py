"""What the benchmarks' own scripts make of random scores, on the rows of their files.

A function a benchmark: records for each item, and the figures by the formula of the script that it names or,
with a clone of the benchmark's repository, by the script's own functions. Needs numpy.
"""

import ast
import collections
import hashlib
import json
import random
import typing

import numpy as np

FLIP = {"A>B": "B>A", "B>A": "A>B"}


def mean(values):
    values = list(values)
    return sum(values) / len(values)


class Source:
    """The rows of a file or a folder with their ids, and what the benchmark's repository defines."""

    def __init__(self, path, code):
        self.path, self.code, self.own = path, code, []
        files = [path]
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.suffix in (".json", ".jsonl"))
            sets = [p for p in files if p.name == "dataset.json"]
            files = sets or files
        self.rows = []
        for file in files:
            stem = str(file.relative_to(path).with_suffix("")) if path.is_dir() else file.stem
            for place, row in enumerate(self.read(file)):
                self.rows.append([row.get("pair_id", row.get("id")), stem, place, row])
        uses = collections.Counter(str(own) for own, *_ in self.rows if own is not None)
        for row in self.rows:
            own, stem, place = row[:3]
            several = len(files) > 1
            if own is None:
                row[0] = f"{stem}:{place}" if several else str(place)
            else:
                row[0] = str(own) if uses[str(own)] == 1 else f"{stem}:{own}" if several else f"{row[3]['subset']}:{own}"

    @staticmethod
    def read(file):
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".jsonl":
            return [json.loads(line) for line in text.split("\n") if line.strip()]
        rows = json.loads(text)
        return rows["examples"] if isinstance(rows, dict) else rows

    def take(self, file, *names, **given):
        """What a file of the repository defines under names; nothing without a clone of it."""
        place = self.code / file if self.code else None
        if place is None or not place.exists():
            return None
        own = [
            node for node in ast.parse(place.read_text(encoding="utf-8")).body
            if getattr(node, "name", None) in names
            or isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) in names
        ]
        space = {"np": np, "hashlib": hashlib, "defaultdict": collections.defaultdict, **vars(typing), **given}
        exec(compile(ast.Module(own, []), str(place), "exec"), space)
        self.own += names
        return [space[name] for name in names]


class Draw(random.Random):
    def score(self):
        return self.choice([-1.5, -0.5, 0.0, 0.25, 1.0, 2.0])

    def scores(self, count):
        return [self.score() for _ in range(count)]

    def verdicts(self, *said):
        return [self.choice(said), self.choice(said)]


def rewardbench(source, draw, judges):
    """allenai/reward-bench, scripts/run_rm.py and run_generative.py: 1 where chosen > rejected; of a judge 0.5
    for anything but A and B."""
    from record_benchmarks import COUNTS, SECTIONS
    taken = source.take("rewardbench/constants.py", "EXAMPLE_COUNTS", "SUBSET_MAPPING")
    counts, sections = taken or (COUNTS, SECTIONS)
    own = source.take("rewardbench/utils.py", "calculate_scores_per_section")
    records, right = [], {}
    for name, _, _, row in source.rows:
        if judges:
            said = draw.choice(["A>B", "B>A", "A=B", None])
            records.append({"id": name, "verdicts": [said, FLIP.get(said, said)]})
            value = {"A>B": 1, "B>A": 0}.get(said, 0.5)
        else:
            chosen, rejected = draw.scores(2)
            records.append({"id": name, "chosen": chosen, "rejected": rejected})
            value = 1 if chosen > rejected else 0
        right.setdefault(row["subset"], []).append(value)
    figures = {subset: mean(values) for subset, values in right.items()}
    def weighted(_, __, ___):
        present = {name: [s for s in subsets if s in figures] for name, subsets in sections.items()}
        return {
            name: sum(figures[s] * counts[s] for s in own) / sum(counts[s] for s in own) if own else 0
            for name, own in present.items()
        }
    scores = (own[0] if own else weighted)(counts, sections, figures)
    # A section that is absent counts as 0 in overall alone: it has no figure of its own here.
    overall = mean(scores.values())
    return records, {**figures, **{name: value for name, value in scores.items() if value}, "overall": overall}


def rewardbench2(source, draw, judges):
    """allenai/reward-bench, rewardbench/utils.py: reroll_and_score_dataset; of Ties process_single_model."""
    class Rows(list):
        column_names = ["id"]
        def add_column(self, *_):
            return self
    own = source.take("rewardbench/utils.py", "_compute_prompt_stats", "process_single_model")
    records, right, ties = [], {}, Rows()
    for name, _, _, row in source.rows:
        count = len(row["chosen"])
        scores = draw.scores(count + len(row["rejected"]))
        if row["subset"] == "Ties":
            # Spreads of few values would be 0, which both sides then read as 0 / 0.
            scores = [2 + draw.random() for _ in range(count)] + [3 * draw.random() for _ in row["rejected"]]
            ties.append({"id": row["id"], "scores": scores, "num_correct": count})
        else:
            best = max(scores)
            right.setdefault(row["subset"], []).append(1 / scores.count(best) if scores[0] == best else 0)
        records.append({
            "id": name, "chosen": scores[:count] if count > 1 else scores[0], "rejected": scores[count:],
        })
    figures = {subset: mean(values) for subset, values in right.items()}
    if ties and own:
        figures["Ties"] = own[1](ties)[1]
    elif ties:
        return None
    return records, {**figures, "overall": mean(figures.values())}


def rm_bench(source, draw, judges):
    """THU-KEG/RM-Bench, scripts/utils.py: compute_accuracy of each domain, and the means over these."""
    own = source.take("scripts/utils.py", "compute_accuracy")
    records, domains = [], {}
    for name, stem, _, row in source.rows:
        chosen, rejected = draw.scores(3), draw.scores(3)
        records.append({"id": name, "chosen": chosen, "rejected": rejected})
        domain = row.get("domain", stem).split("-")[0].split("_")[0]
        domains.setdefault(domain, []).append({"score_chosen": chosen, "score_rejected": rejected})
    if own:
        found = {domain: own[0](rows) for domain, rows in domains.items()}
    else:
        parts = {"hard_acc": np.triu_indices(3, 1), "normal_acc": np.diag_indices(3), "easy_acc": np.tril_indices(3, -1)}
        found = {}
        for domain, rows in domains.items():
            matrix = mean(np.greater.outer(np.array(r["score_chosen"]), np.array(r["score_rejected"])) * 1.0 for r in rows)
            found[domain] = {part: matrix[where].mean() for part, where in parts.items()}
    figures = {domain.capitalize(): mean(values.values()) for domain, values in found.items()}
    overall = mean(figures.values())
    parts = {part: mean(own[part + "_acc"] for own in found.values()) for part in ("hard", "normal", "easy")}
    return records, {**figures, **parts, "overall": overall}


def judgebench(source, draw, judges):
    """ScalerLab/JudgeBench, utils/metrics.py: compute_final_metrics, by source as run_judge.py has it."""
    own = source.take("utils/metrics.py", "flip_judgment", "compute_final_metrics")
    records, pairs = [], []
    for name, _, _, row in source.rows:
        if judges:
            said = draw.verdicts("A>B", "B>A", "A=B", None)
            records.append({"id": name, "verdicts": said})
        else:
            a, b = draw.scores(2)
            chosen = row["label"] == "A>B"
            records.append({"id": name, "chosen": a if chosen else b, "rejected": b if chosen else a})
            # As utils/judges.py has it of reward models: what is not greater is less.
            said = ["A>B" if a > b else "B>A", "A>B" if b > a else "B>A"]
        pairs.append({**row, "judgments": [said_ and {"decision": said_} for said_ in said]})
    return records, judgebench_figures(own, pairs)


def judgebench_figures(own, pairs):
    def counter(pair):
        said = [j and j["decision"] for j in pair["judgments"]]
        said[1] = FLIP.get(said[1], said[1])
        return sum(s == pair["label"] for s in said) - sum(s == FLIP[pair["label"]] for s in said)
    names = {
        "Knowledge": "mmlu-pro", "Reasoning": "livebench-reasoning", "Math": "livebench-math",
        "Coding": "livecodebench", "overall": "",
    }
    figures = {}
    for name, start in names.items():
        part = [pair for pair in pairs if pair["source"].startswith(start)]
        if part:
            figures[name] = own[1](part, True) / 100 if own else mean(counter(p) > 0 for p in part)
    return figures


def llmbar(source, draw, judges):
    """princeton-nlp/LLMBar, LLMEvaluator/evaluate.py, which has no function of it: correct_average of a set,
    and the mean of the sets as the paper's table has it."""
    records, sets = [], {}
    for name, stem, _, row in source.rows:
        label = str(row["label"])
        subset = next((s for s in ["Neighbor", "GPTInst", "GPTOut", "Manual", "Natural"] if s in stem), stem)
        if judges:
            said = draw.verdicts("A>B", "B>A", None)
            records.append({"id": name, "verdicts": said})
            winners = [{"A>B": "1", "B>A": "2"}.get(said[0]), {"A>B": "2", "B>A": "1"}.get(said[1])]
            value = mean(winner == label for winner in winners)
        else:
            chosen, rejected = draw.scores(2)
            records.append({"id": name, "chosen": chosen, "rejected": rejected})
            value = chosen > rejected
        sets.setdefault(subset, []).append(value)
    figures = {name: mean(values) for name, values in sets.items()}
    return records, {**figures, "overall": mean(figures.values())}


def ppe(source, draw, judges):
    """lmarena/PPE: the accuracy on each set's pairs, and the mean over the sets."""
    records, sets = [], {}
    for name, stem, _, row in source.rows:
        for number in range(len(row["sampled_conflict_pairs"])):
            chosen, rejected = draw.scores(2)
            records.append({"id": f"{name}:{number}", "chosen": chosen, "rejected": rejected})
            sets.setdefault(row.get("subset", stem), []).append(chosen > rejected)
    figures = {name: mean(values) for name, values in sets.items()}
    return records, {**figures, "overall": mean(figures.values())}


def rmb(source, draw, judges):
    """Zhou-Zoey/RMB-Reward-Model-Benchmark, eval/scripts/my_run_rm.py, which has no function of it: the share
    of pairs whose chosen response scores higher; of best-of-N against every loser, as the paper says."""
    records, sets = [], {}
    for name, stem, _, row in source.rows:
        best, place = "bon_best" in row, row.get("category_path") or stem
        own = draw.scores(1 + (len(row["loser_list"]) if best else 1))
        records.append({"id": name, "chosen": own[0], "rejected": own[1:] if len(own) > 2 else own[1]})
        goal = "Harmlessness" if "Harmlessness" in place else "Helpfulness"
        kind = "best-of-N" if best else "pairwise"
        sets.setdefault(f"{goal} {kind}", []).append(all(own[0] > other for other in own[1:]))
    figures = {name: mean(values) for name, values in sets.items()}
    return records, {**figures, "overall": mean(figures.values())}


def crosseval(source, draw, judges):
    """Pairs of different mean ratings, the accuracy of each capability, and the mean of these."""
    records, parts = [], {}
    for name, _, _, row in source.rows:
        sums = [sum(float(row[f"response_{i}_human_{j}_rating"]) for j in (1, 2)) for i in (1, 2, 3)]
        for i, j in [(0, 1), (0, 2), (1, 2)]:
            if sums[i] != sums[j] and not row.get("attached_file"):
                chosen, rejected = draw.scores(2)
                records.append({"id": f"{name}:{i + 1}-{j + 1}", "chosen": chosen, "rejected": rejected})
                parts.setdefault(row["capability"], []).append(chosen > rejected)
    figures = {name: mean(values) for name, values in parts.items()}
    return records, {**figures, "overall": mean(figures.values())}


def auto_j(source, draw, judges):
    """GAIR-NLP/auto-j, codes/leaderboard/pairwise_eval.py: check_res, in each order and in both."""
    own = source.take("codes/leaderboard/pairwise_eval.py", "exchange_to_ori_label", "check_res")
    def check(label, said, other):
        other = {0: 1, 1: 0}.get(other, other)
        return [said == label, other == label], other == said, said == other == label
    records, orders, both = [], [], []
    for name, _, _, row in source.rows:
        said = [draw.randint(0, 2), draw.randint(0, 2)]
        # As spelt in each order, where A is shown first: the script turns the second one round itself.
        records.append({"id": name, "verdicts": [["A>B", "B>A", "A=B"][s] for s in said]})
        if own:
            found = own[1](row["label"], said[0], own[0](said[1]))
        else:
            found = check(row["label"], *said)
        orders.append(mean(found[0]))
        both.append(found[2])
    return records, {"overall": mean(orders), "both orders right": mean(both)}


def pandalm(source, draw, judges):
    """WeOpenML/PandaLM, README: the label of most annotators, 0 where all differ; accuracy of three."""
    records, right = [], []
    for name, _, _, row in source.rows:
        most = majority(row)
        said = draw.choice(["A>B", "B>A", "A=B", None])
        records.append({"id": name, "verdicts": [said, FLIP.get(said, said)]})
        right.append({"A>B": 1, "B>A": 2, "A=B": 0}.get(said) == most)
    return records, {"overall": mean(right)}


def majority(row):
    votes = [int(row[f"annotator{place}"]) for place in (1, 2, 3)]
    return max(set(votes), key=votes.count) if len(set(votes)) < 3 else 0


def hhh(source, draw, judges):
    """google/BIG-bench, bigbench/api/task_metrics.py: measure_multiple_choice_grade, equal scores by a hash of
    them, as the quirk hashed-ties has it."""
    own = source.take("bigbench/api/task_metrics.py", "argmax", "measure_multiple_choice_grade")
    def argmax(array):
        best = np.arange(len(array))[array == np.max(array)]
        return best[int(hashlib.sha256(np.asarray(array).tobytes()).hexdigest(), 16) % len(best)]
    records, samples = [], {}
    for name, stem, _, row in source.rows:
        choices = list(row["target_scores"])
        scores = draw.scores(len(choices))
        ways = {1: [], 0: []}
        for choice, score in zip(choices, scores):
            ways[row["target_scores"][choice]].append(score)
        records.append({"id": name, "chosen": ways[1], "rejected": ways[0]})
        sample = {"choice": choices, "log_prob": np.array(scores), "target_scores": row["target_scores"]}
        samples.setdefault(stem.split("/")[0], []).append(sample)
    def grade(part):
        if own:
            return own[1](part)
        return mean(s["target_scores"][s["choice"][argmax(s["log_prob"])]] for s in part)
    figures = {name: grade(part) for name, part in samples.items()} if len(samples) > 1 else {}
    return records, {**figures, "overall": grade([s for part in samples.values() for s in part])}


def processbench(source, draw, judges):
    """QwenLM/ProcessBench, code/run_eval.py, which has no function of it: F1 of the accuracies with and without
    an error; the mean over the splits."""
    records, splits = [], {}
    for name, stem, _, row in source.rows:
        label, steps = row["label"], len(row["steps"])
        own = [draw.choice([-1.0, -0.25, 0.5, 1.0, 2.0]) for _ in range(steps)]
        good = steps if label < 0 else label
        records.append({"id": name, "chosen": own[:good], "rejected": own[good:]})
        found = next((place for place, value in enumerate(own) if value < 0), -1)
        splits.setdefault(stem, {True: [], False: []})[label < 0].append(found == label)
    figures = {
        name: 2 * mean(own[True]) * mean(own[False]) / max(mean(own[True]) + mean(own[False]), 1e-300)
        for name, own in splits.items()
    }
    return records, {**figures, "overall": mean(figures.values())}


BENCHMARKS = {
    # name: (function, repository, whether it is drawn for scorers, for judges, switches)
    "rewardbench": (rewardbench, "reward-bench", (False, True), ["--quirk", "absent-sections"]),
    "rewardbench2": (rewardbench2, "reward-bench", (False,), []),
    "rm-bench": (rm_bench, "RM-Bench", (False,), []),
    "judgebench": (judgebench, "JudgeBench", (False, True), []),
    "llmbar": (llmbar, "LLMBar", (False, True), []),
    "ppe": (ppe, "PPE", (False,), []),
    "rmb": (rmb, "RMB-Reward-Model-Benchmark", (False,), []),
    "crosseval": (crosseval, "CrossEval", (False,), []),
    "auto-j": (auto_j, "auto-j", (True,), []),
    "pandalm": (pandalm, "PandaLM", (True,), []),
    "hhh": (hhh, "BIG-bench", (False,), ["--quirk", "hashed-ties"]),
    "processbench": (processbench, "ProcessBench", (False,), []),
}
