"""OpenRLHF: `--reward.remote_url openrlhf_reward.py`, for prompts that are not rendered by a chat template.

With rendered ones, `--reward.remote_url http://127.0.0.1:8000/get_reward` needs no file at all. The token
that ends the policy's turns, such as `</s>`, is taken off where `ASSAY_END_OF_TURN` names it.
"""

import math
import os
import sys

import torch

# Trainers load this file by its path.
sys.path.append(os.path.dirname(os.path.abspath(__file__)))

from assay_rewards import Assay  # noqa: E402


def reward_func(queries, prompts, labels, **kwargs):
    end = os.environ.get("ASSAY_END_OF_TURN", "")
    responses = []
    for query, prompt in zip(queries, prompts, strict=True):
        if not query.startswith(prompt):
            raise ValueError(f"the query {query!r} does not begin with its prompt {prompt!r}")
        responses.append(query.removeprefix(prompt).removesuffix(end))
    rewards = torch.tensor(
        [math.nan if reward is None else reward for reward in Assay().rewards(prompts, responses)]
    )
    if rewards.isnan().any():
        raise ValueError("a response has no reward; shorten the responses or serve a longer context")
    return {"rewards": rewards, "scores": rewards.sigmoid(), "extra_logs": {"reward": rewards}}
