#!/usr/bin/env python3
"""Records strengths of models by battles, and their covariance, as statsmodels fits them.

usage: python3 Scripts/record_bradley_terry.py

Writes Tests/AssayEvaluateTests/Fixtures/bradley_terry.json: battles of five models, a fifth of them ties, in
clusters; the logistic fit of a column a model; its covariance over clusters with the factor G / (G - 1); both
of strengths that sum to 0. Needs numpy and statsmodels.
"""

import json
import pathlib

import numpy as np
import statsmodels
import statsmodels.api as sm

OUT = pathlib.Path(__file__).parent.parent / "Tests/AssayEvaluateTests/Fixtures/bradley_terry.json"
MODELS, CLUSTERS, BATTLES = 5, 40, 300


def main():
    draw = np.random.default_rng(14)
    ease = draw.normal(size=CLUSTERS)
    battles = []
    for _ in range(BATTLES):
        first, second = (int(model) for model in draw.choice(MODELS, 2, replace=False))
        cluster = int(draw.integers(CLUSTERS))
        chance = 1 / (1 + np.exp(-(0.4 * (first - second) + 0.5 * ease[cluster])))
        credit = 0.5 if draw.random() < 0.2 else float(draw.random() < chance)
        battles.append([first, second, credit, cluster])
    rows = np.zeros((BATTLES, MODELS))
    for place, (first, second, _, _) in enumerate(battles):
        rows[place, first], rows[place, second] = 1, -1
    groups = np.array([battle[3] for battle in battles])
    # The last model's strength is 0 here.
    fit = sm.GLM(np.array([b[2] for b in battles]), rows[:, :-1], family=sm.families.Binomial()).fit(
        tol=1e-14, maxiter=200, cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    centre = np.eye(MODELS)[:, :-1] - 1 / MODELS
    count = len(set(groups))
    covariance = centre @ fit.cov_params() @ centre.T * count / (count - 1)
    OUT.write_text(json.dumps({
        "versions": {"numpy": np.__version__, "statsmodels": statsmodels.__version__},
        "battles": battles,
        "strengths": (centre @ fit.params).tolist(),
        "covariance": covariance.tolist(),
    }, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
