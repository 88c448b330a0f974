"""verl: `reward.custom_reward_function.path=verl_reward.py`; the question is `extra_info["question"]`.

Without it verl asks a reward model itself: `assay serve` stands in for vLLM there (`/classify`).
"""

import os
import sys

# Trainers load this file by its path.
sys.path.append(os.path.dirname(os.path.abspath(__file__)))

from assay_rewards import Assay  # noqa: E402


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    reward = Assay().rewards([(extra_info or {})["question"]], [solution_str])[0]
    if reward is None:
        raise ValueError("the response has no reward; shorten max_response_length or serve a longer context")
    return reward
