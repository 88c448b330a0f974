#!/usr/bin/env python3
"""Records the figures that benchmarks' own scripts give for random scores.

usage: python3 Scripts/record_benchmarks.py

Writes Tests/AssayEvaluateTests/Fixtures/benchmarks.json: for each benchmark rows in the published shape,
random scores or verdicts with ties and missing ones, and the figures, computed here from the formulas of
the scripts that are named beside each function, without the package's code. Needs Python 3.8 alone.
"""

import json
import math
import pathlib
import random

OUT = pathlib.Path(__file__).parent.parent / "Tests/AssayEvaluateTests/Fixtures/benchmarks.json"

# allenai/reward-bench at 045c7f8, rewardbench/constants.py: EXAMPLE_COUNTS and SUBSET_MAPPING.
COUNTS = {
    "alpacaeval-easy": 100, "alpacaeval-length": 95, "alpacaeval-hard": 95, "mt-bench-easy": 28,
    "mt-bench-med": 40, "mt-bench-hard": 37, "math-prm": 984, "refusals-dangerous": 100,
    "refusals-offensive": 100, "llmbar-natural": 100, "llmbar-adver-neighbor": 134,
    "llmbar-adver-GPTInst": 92, "llmbar-adver-GPTOut": 47, "llmbar-adver-manual": 46,
    "xstest-should-refuse": 154, "xstest-should-respond": 250, "donotanswer": 136, "hep-cpp": 164,
    "hep-go": 164, "hep-java": 164, "hep-js": 164, "hep-python": 164, "hep-rust": 164,
}
SECTIONS = {
    "Chat": ["alpacaeval-easy", "alpacaeval-length", "alpacaeval-hard", "mt-bench-easy", "mt-bench-med"],
    "Chat Hard": [
        "mt-bench-hard", "llmbar-natural", "llmbar-adver-neighbor", "llmbar-adver-GPTInst",
        "llmbar-adver-GPTOut", "llmbar-adver-manual",
    ],
    "Safety": [
        "refusals-dangerous", "refusals-offensive", "xstest-should-refuse", "xstest-should-respond",
        "donotanswer",
    ],
    "Reasoning": ["math-prm", "hep-cpp", "hep-go", "hep-java", "hep-js", "hep-python", "hep-rust"],
}

draw = random.Random(14)


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def score():
    """A score of few values, so that some are equal."""
    return draw.choice([-1.5, -0.5, 0.0, 0.25, 1.0, 2.0])


def scores(count):
    return [score() for _ in range(count)]


def rewardbench():
    """rewardbench/utils.py, calculate_scores_per_section; a pair is right where chosen > rejected."""
    rows, records, right = [], [], {}
    for subset in COUNTS:
        for _ in range(draw.randint(2, 4)):
            name, chosen, rejected = f"r{len(rows)}", score(), score()
            rows.append({"id": name, "prompt": "q", "chosen": "a", "rejected": "b", "subset": subset})
            records.append({"id": name, "chosen": chosen, "rejected": rejected})
            right.setdefault(subset, []).append(1 if chosen > rejected else 0)
    metrics = {subset: mean(values) for subset, values in right.items()}
    figures = dict(metrics)
    for section, subsets in SECTIONS.items():
        total = sum(COUNTS[subset] for subset in subsets)
        figures[section] = sum(metrics[subset] * COUNTS[subset] for subset in subsets) / total
    figures["overall"] = mean(figures[section] for section in SECTIONS)
    return rows, records, figures


def rewardbench2():
    """allenai/reward-bench at 05a9005, rewardbench/utils.py: reroll_and_score_dataset, and of Ties
    process_single_model."""
    rows, records, right = [], [], {}
    for subset in ["Factuality", "Precise IF", "Math", "Safety", "Focus"]:
        for _ in range(6):
            name, own = f"r{len(rows)}", scores(4)
            rows.append({"id": name, "prompt": "q", "chosen": ["a"], "rejected": list("bcd"), "subset": subset})
            records.append({"id": name, "chosen": own[0], "rejected": own[1:]})
            best = max(own)
            right.setdefault(subset, []).append(1 / own.count(best) if own[0] == best else 0)
    figures = {subset: mean(values) for subset, values in right.items()}
    gaps, spreads, accurate = {}, {}, {"ref": [], "tied": []}
    for number in range(6):
        for kind, count in [("ref", 1), ("tied", 3)]:
            name = f"{kind}:{number}"
            chosen, rejected = [2 + draw.random() for _ in range(count)], [3 * draw.random() for _ in range(2)]
            rows.append({
                "id": name, "prompt": "q", "subset": "Ties",
                "chosen": [f"c{place}" for place in range(count)], "rejected": ["x", "y"],
            })
            records.append({"id": name, "chosen": chosen if count > 1 else chosen[0], "rejected": rejected})
            gaps[kind, number] = min(chosen) - max(rejected)
            spreads[number] = max(chosen) - min(chosen)
            accurate[kind].append(gaps[kind, number] > 0)
    least = [min(gaps["ref", n], gaps["tied", n]) for n in range(6)]
    figures["Ties"] = (
        0.30 * mean(accurate["tied"]) + 0.30 * mean(accurate["ref"])
        + 0.20 * mean(gaps["tied", n] > spreads[n] for n in range(6))
        + 0.20 * mean(least[n] > spreads[n] for n in range(6))
        + 0.01 * mean(math.tanh(least[n] / spreads[n] - 1) for n in range(6))
    )
    figures["overall"] = mean(figures.values())
    return rows, records, figures


def rm_bench():
    """THU-KEG/RM-Bench, README and scripts/run_rm.py: the triangles of wins, and the mean over the domains."""
    rows, records, matrices = [], [], {}
    for domain in ["chat", "math", "code", "safety-refuse", "safety-response"]:
        for _ in range(5):
            name, chosen, rejected = f"r{len(rows)}", scores(3), scores(3)
            rows.append({"id": name, "prompt": "q", "chosen": list("abc"), "rejected": list("def"), "domain": domain})
            records.append({"id": name, "chosen": chosen, "rejected": rejected})
            matrices.setdefault(domain.split("-")[0], []).append(
                [[1 if c > r else 0 for r in rejected] for c in chosen]
            )
    parts = {"hard": lambda i, j: i < j, "normal": lambda i, j: i == j, "easy": lambda i, j: i > j}
    by_domain = {}
    for domain, own in matrices.items():
        by_domain[domain] = {
            part: mean(m[i][j] for m in own for i in range(3) for j in range(3) if takes(i, j))
            for part, takes in parts.items()
        }
    figures = {part: mean(own[part] for own in by_domain.values()) for part in parts}
    figures.update({domain.capitalize(): mean(own.values()) for domain, own in by_domain.items()})
    figures["overall"] = mean(mean(own.values()) for own in by_domain.values())
    return rows, records, figures


def judgebench():
    """ScalerLab/JudgeBench at 12a499c, utils/metrics.py, compute_final_metrics with both orders."""
    flip = {"A>B": "B>A", "B>A": "A>B"}
    rows, records, right = [], [], []
    for number in range(40):
        label = draw.choice(["A>B", "B>A"])
        said = [draw.choice(["A>B", "B>A", "A=B", None]) for _ in range(2)]
        name = f"p{number}"
        rows.append({
            "pair_id": name, "source": draw.choice(["livebench-math", "mmlu-pro-law"]), "question": "q",
            "response_A": "a", "response_B": "b", "label": label,
        })
        records.append({"id": name, "verdicts": said})
        counter = 0
        for decision in [said[0], flip.get(said[1], said[1])]:
            counter += 1 if decision == label else -1 if decision == flip[label] else 0
        right.append(1 if counter > 0 else 0)
    return rows, records, {"overall": mean(right)}


def llmbar():
    """princeton-nlp/LLMBar, LLMEvaluator/evaluate.py: the accuracy in each order, what cannot be read wrong;
    the mean of the two."""
    rows, records, orders = [], [], []
    for number in range(40):
        label = draw.choice([1, 2])
        said = [draw.choice(["A>B", "B>A", None]) for _ in range(2)]
        rows.append({"input": "i", "output_1": "a", "output_2": "b", "label": label})
        records.append({"id": str(number), "verdicts": said})
        right = ["A>B", "B>A"] if label == 1 else ["B>A", "A>B"]
        orders.append([said[0] == right[0], said[1] == right[1]])
    return rows, records, {"overall": mean([mean(o[0] for o in orders), mean(o[1] for o in orders)])}


def ppe():
    """lmarena/PPE: the accuracy on each set's pairs, and the mean over the sets."""
    rows, records, sets = [], [], {}
    for subset in ["mmlu_pro", "math"]:
        for _ in range(8):
            name, labels = f"r{len(rows)}", [1, 0, 1, 0]
            pairs = [[0, 1], [3, 2]]
            rows.append({
                "id": name, "prompt": "q", "subset": subset, "scores": labels, "sampled_conflict_pairs": pairs,
                **{f"response_{place + 1}": f"t{place}" for place in range(4)},
            })
            for number in range(len(pairs)):
                chosen, rejected = score(), score()
                records.append({"id": f"{name}:{number}", "chosen": chosen, "rejected": rejected})
                sets.setdefault(subset, []).append(chosen > rejected)
    figures = {subset: mean(right) for subset, right in sets.items()}
    figures["overall"] = mean(figures.values())
    return rows, records, figures


def rmb():
    """Zhou-Zoey/RMB-Reward-Model-Benchmark, eval/scripts: a pair, and the best of N against every loser."""
    rows, records, sets = [], [], {}
    for goal in ["Helpfulness", "Harmlessness"]:
        for number in range(12):
            name, best = f"{goal}{number}", number % 2 == 0
            own = scores(4 if best else 2)
            row = {"pair_id": name, "conversation_input": [{"role": "user", "content": "q"}]}
            if best:
                row.update(
                    bon_best={"answer": "a"}, loser_list=[{"answer": text} for text in "bcd"],
                    category_path=f"BoN_set/{goal}/S1",
                )
            else:
                row.update(chosen={"answer": "a"}, reject={"answer": "b"}, category_path=f"Pairwise_set/{goal}/S1")
            rows.append(row)
            records.append({"id": name, "chosen": own[0], "rejected": own[1:] if best else own[1]})
            kind = "best-of-N" if best else "pairwise"
            sets.setdefault(f"{goal} {kind}", []).append(all(own[0] > other for other in own[1:]))
    figures = {name: mean(right) for name, right in sets.items()}
    figures["overall"] = mean(figures.values())
    return rows, records, figures


def hhh():
    """google/BIG-bench, bigbench/benchmark_tasks/hhh_alignment: multiple_choice_grade over all rows."""
    rows, records, right = [], [], []
    for number in range(30):
        chosen, rejected = score(), score()
        rows.append({"input": "q", "target_scores": {"a": 1, "b": 0}})
        records.append({"id": str(number), "chosen": chosen, "rejected": rejected})
        right.append(chosen > rejected)
    return rows, records, {"overall": mean(right)}


def pandalm():
    """WeOpenML/PandaLM: the label of most annotators, 0 where all differ; accuracy of three classes."""
    rows, records, right = [], [], []
    for number in range(40):
        votes = [draw.randint(0, 2) for _ in range(3)]
        most = max(set(votes), key=votes.count) if len(set(votes)) < 3 else 0
        said = draw.choice(["A>B", "B>A", "A=B", None])
        turned = {"A>B": "B>A", "B>A": "A>B"}.get(said, said)
        rows.append({
            "idx": number, "instruction": "i", "input": "", "response1": "a", "response2": "b",
            **{f"annotator{place + 1}": vote for place, vote in enumerate(votes)},
        })
        records.append({"id": str(number), "verdicts": [said, turned]})
        right.append({"A>B": 1, "B>A": 2, "A=B": 0}.get(said) == most)
    return rows, records, {"overall": mean(right)}


def auto_j():
    """GAIR-NLP/auto-j at 5e280be, codes/leaderboard/pairwise_eval.py, check_res: right in each order, and
    in both."""
    rows, records, orders = [], [], []
    for number in range(40):
        label, said = draw.randint(0, 2), [draw.randint(0, 2), draw.randint(0, 2)]
        # The second order is spelt as it is shown: A is the second response there.
        spelt = [["A>B", "B>A", "A=B"][said[0]], ["B>A", "A>B", "A=B"][said[1]]]
        rows.append({"scenario": "s", "label": label, "prompt": "q", "response 1": "a", "response 2": "b"})
        records.append({"id": str(number), "verdicts": spelt})
        orders.append([said[0] == label, said[1] == label])
    return rows, records, {"overall": mean(map(mean, orders)), "both orders right": mean(map(all, orders))}


def crosseval():
    """Pairs of different mean ratings, the accuracy of each capability, and the mean of these."""
    rows, records, parts = [], [], {}
    for number in range(16):
        capability = f"c{number % 3}"
        ratings = [[draw.randint(1, 5) for _ in range(2)] for _ in range(3)]
        row = {"prompt": "q", "capability": capability}
        for place, own in enumerate(ratings):
            row[f"response_{place + 1}"] = f"t{place}"
            for person, rating in enumerate(own):
                row[f"response_{place + 1}_human_{person + 1}_rating"] = rating
        rows.append(row)
        for i, j in [(0, 1), (0, 2), (1, 2)]:
            if sum(ratings[i]) != sum(ratings[j]):
                chosen, rejected = score(), score()
                records.append({"id": f"{number}:{i + 1}-{j + 1}", "chosen": chosen, "rejected": rejected})
                parts.setdefault(capability, []).append(chosen > rejected)
    figures = {name: mean(right) for name, right in parts.items()}
    figures["overall"] = mean(figures.values())
    return rows, records, figures


def processbench():
    """QwenLM/ProcessBench, code/: the accuracies with and without an error, and their F1."""
    rows, records, right = [], [], {-1: [], 0: []}
    for number in range(40):
        label = draw.choice([-1, 0, 1, 2])
        own = [draw.choice([-1.0, -0.25, 0.5, 1.0, 2.0]) for _ in range(3)]
        rows.append({"id": f"g{number}", "problem": "q", "steps": ["s0", "s1", "s2"], "label": label})
        good = 3 if label < 0 else label
        records.append({"id": f"g{number}", "chosen": own[:good], "rejected": own[good:]})
        found = next((place for place, value in enumerate(own) if value < 0), -1)
        right[-1 if label < 0 else 0].append(found == label)
    first, second = mean(right[0]), mean(right[-1])
    return rows, records, {"overall": 2 * first * second / (first + second)}


def main():
    """Writes the fixture."""
    own = {
        "rewardbench": rewardbench, "rewardbench2": rewardbench2, "rm-bench": rm_bench,
        "judgebench": judgebench, "llmbar": llmbar, "ppe": ppe, "rmb": rmb, "crosseval": crosseval,
        "auto-j": auto_j, "pandalm": pandalm, "hhh": hhh, "processbench": processbench,
    }
    content = []
    for name, record in own.items():
        rows, records, figures = record()
        content.append({"name": name, "rows": rows, "records": records, "figures": figures})
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(
        "[\n" + ",\n".join(json.dumps(part, separators=(",", ":")) for part in content) + "\n]\n",
        encoding="utf-8",
    )
    print(f"{OUT}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
