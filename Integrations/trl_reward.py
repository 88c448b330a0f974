"""TRL: `GRPOTrainer(reward_funcs=assay_reward, ...)`, or RLOO's; a response without reward counts for none."""

from assay_rewards import Assay, text_of


def assay_reward(prompts, completions, **kwargs):
    return Assay().rewards(prompts, [text_of(completion) for completion in completions])
