#!/usr/bin/env python3
"""Runs the adapters, and clients of the field, against a real `assay serve` of a tiny model.

What is not installed is skipped. `ASSAY` names the binary; the default is the release build's.
"""

import asyncio
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
BINARY = os.environ.get("ASSAY", str(HERE.parent / ".build/release/assay"))
PROMPT = "How many apples are left?"
RESPONSES = ["Anna has 3 apples.", "three", "She has three apples left."]
TEMPLATE = (
    "{{ '<s>' }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '</s>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def has(*packages):
    try:
        return all(importlib.util.find_spec(package) for package in packages)
    except ModuleNotFoundError:  # what a module is in
        return False


def needs(*packages):
    return unittest.skipUnless(has(*packages), f"needs {' and '.join(packages)}")


def gym_response(text):
    """A response as NeMo Gym's models give it."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content}
    output = [{"type": "reasoning", "id": "s", "summary": []}, message]
    return {
        "id": "r", "created_at": 0, "model": "policy", "object": "response", "output": output,
        "parallel_tool_calls": False, "tool_choice": "auto", "tools": [],
    }


def make_models(folder):
    """A classifier and a language model of random weights, as transformers saves them."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import (
        LlamaConfig,
        LlamaForCausalLM,
        LlamaForSequenceClassification,
        PreTrainedTokenizerFast,
    )

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<pad>", "<|system|>", "<|user|>", "<|assistant|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator([PROMPT, *RESPONSES], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    fast.chat_template = TEMPLATE
    torch.manual_seed(1)
    sizes = dict(
        vocab_size=len(fast), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=512, num_labels=1,
        initializer_range=0.2, pad_token_id=fast.pad_token_id, bos_token_id=fast.bos_token_id,
        eos_token_id=fast.eos_token_id,
    )
    for name, kind in ("reward", LlamaForSequenceClassification), ("policy", LlamaForCausalLM):
        model = kind(LlamaConfig(**sizes))
        model.save_pretrained(folder / name)
        fast.save_pretrained(folder / name)


@unittest.skipUnless(os.access(BINARY, os.X_OK), f"no {BINARY}")
@needs("transformers", "torch", "tokenizers")
class Integrations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.models = pathlib.Path(cls.folder.name)
        make_models(cls.models)
        command = [BINARY, "serve", "--port", "0", "--threads", "1", "--device", "cpu", "--json"]
        for name in "reward", "policy":
            command += ["--model", f"{name}={cls.models / name}"]
        cls.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        ready = cls.server.stdout.readline()
        cls.url = json.loads(ready)["url"]
        os.environ["ASSAY_URL"] = cls.url

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait(30)
        cls.server.stdout.close()
        cls.folder.cleanup()

    def expected(self, responses=RESPONSES):
        """What transformers gives."""
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.models / "reward")
        model = AutoModelForSequenceClassification.from_pretrained(self.models / "reward").eval()
        rewards = []
        for response in responses:
            messages = [
                {"role": "user", "content": PROMPT}, {"role": "assistant", "content": response}
            ]
            text = tokenizer.apply_chat_template(messages, tokenize=False)
            ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)
            with torch.no_grad():
                rewards.append(model(**ids).logits[0, 0].item())
        return rewards

    def near(self, values, expected):
        self.assertEqual(len(values), len(expected))
        for value, right in zip(values, expected):
            self.assertAlmostEqual(float(value), right, delta=1e-3)

    def test_client(self):
        from assay_rewards import Assay

        assay = Assay()
        self.near(assay.rewards([PROMPT] * 3, RESPONSES), self.expected())
        messages = [{"role": "user", "content": PROMPT}]
        self.near(assay.rewards([messages] * 3, RESPONSES), self.expected())
        self.assertEqual(assay.rewards([PROMPT], ["z " * 2000]), [None])
        self.assertEqual(assay.rewards([], []), [])
        with self.assertRaisesRegex(RuntimeError, "there is no model 'x'"):
            Assay(model="x").rewards([PROMPT], ["3"])

    @needs("trl", "datasets")
    def test_trl(self):
        from datasets import Dataset
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from trl import GRPOConfig, GRPOTrainer
        from trl_reward import assay_reward

        self.near(assay_reward([PROMPT] * 3, RESPONSES), self.expected())
        seen = []

        def reward(prompts, completions, **kwargs):
            rewards = assay_reward(prompts, completions, **kwargs)
            seen.extend(rewards)
            return rewards

        settings = GRPOConfig(
            output_dir=str(self.models / "grpo"), max_steps=2, num_generations=4,
            per_device_train_batch_size=4, max_completion_length=8, report_to=[], use_cpu=True,
            save_strategy="no", bf16=False, logging_steps=1, disable_tqdm=True,
        )
        trainer = GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(self.models / "policy"),
            processing_class=AutoTokenizer.from_pretrained(self.models / "policy"),
            reward_funcs=reward, args=settings,
            train_dataset=Dataset.from_list(
                [{"prompt": [{"role": "user", "content": PROMPT}]}] * 4
            ),
        )
        trainer.train()
        self.assertEqual(len(seen), 8)
        self.assertTrue(all(isinstance(reward, float) for reward in seen))
        logged = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
        self.near(logged[:1], [sum(seen[:4]) / 4])

    def test_verl(self):
        from verl_reward import compute_score

        value = compute_score("d", RESPONSES[0], "3", {"question": PROMPT})
        self.near([value], self.expected()[:1])

    @needs("verl", "omegaconf")
    def test_verl_package(self):
        from omegaconf import OmegaConf
        from verl.trainer.ppo.reward import get_custom_reward_fn

        settings = {"path": str(HERE / "verl_reward.py"), "name": "compute_score"}
        config = OmegaConf.create({"reward": {"custom_reward_function": settings}})
        loaded = get_custom_reward_fn(config)
        value = loaded(
            data_source="d", solution_str=RESPONSES[0], ground_truth="3",
            extra_info={"question": PROMPT},
        )
        self.near([value], self.expected()[:1])

    @needs("verl", "ray", "aiohttp")
    def test_verl_reward_model(self):
        """Its own client of a reward model, whose text has no beginning token; one connection each."""
        from types import SimpleNamespace

        import numpy
        import torch
        from transformers import AutoTokenizer
        from verl import DataProto
        from verl.experimental.reward_loop.reward_loop import RewardLoopWorker

        path = str(self.models / "reward")
        tokenizer = AutoTokenizer.from_pretrained(path)
        worker = object.__new__(RewardLoopWorker)
        worker.reward_router_address = self.url.removeprefix("http://")
        worker.input_tokenizer = worker.reward_model_tokenizer = tokenizer

        def sample(text):
            ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
            messages = numpy.empty(1, dtype=object)
            messages[0] = [{"role": "user", "content": PROMPT}]
            return DataProto.from_dict(
                {"responses": ids, "attention_mask": torch.ones_like(ids)},
                non_tensors={"raw_prompt": messages},
            )

        async def scores(texts):
            tasks = [worker.compute_score_disrm(sample(text)) for text in texts]
            return [answer["reward_score"] for answer in await asyncio.gather(*tasks)]

        for engine in "vllm", "sglang":
            model = SimpleNamespace(model_path=path, rollout=SimpleNamespace(name=engine))
            worker.config = SimpleNamespace(reward=SimpleNamespace(reward_model=model))
            self.near(asyncio.run(scores(RESPONSES)), self.expected())
        many = asyncio.run(scores(RESPONSES * 100))
        self.near(many, self.expected() * 100)

    def test_openrlhf(self):
        from openrlhf_reward import reward_func

        answer = reward_func([PROMPT + text for text in RESPONSES], [PROMPT] * 3, ["3"] * 3)
        self.near(answer["rewards"], self.expected())

    @needs("openrlhf", "aiohttp")
    def test_openrlhf_package(self):
        from openrlhf.utils.agent import SingleTurnAgentExecutor

        queries = [f"<s><|user|>{PROMPT}</s><|assistant|>{text}</s>" for text in RESPONSES]
        remote = SingleTurnAgentExecutor(self.url + "/get_reward")
        fetched = asyncio.run(remote._fetch_rewards_via_http(queries, queries, ["3"] * 3))
        self.near(fetched[0]["rewards"], self.expected())
        local = SingleTurnAgentExecutor(str(HERE / "openrlhf_reward.py"))
        plain = [PROMPT + text for text in RESPONSES]
        fetched = asyncio.run(local._fetch_rewards_via_func(plain, [PROMPT] * 3, ["3"] * 3))
        self.near([answer["rewards"][0] for answer in fetched], self.expected())

    @needs("nemo_gym", "httpx")
    def test_nemo_gym(self):
        from unittest.mock import MagicMock

        import nemo_gym_reward
        from fastapi.testclient import TestClient
        from nemo_gym.server_utils import ServerClient

        config = nemo_gym_reward.AssayConfig(
            host="127.0.0.1", port=1, entrypoint="", name="assay", url=self.url
        )
        server = nemo_gym_reward.AssayResourcesServer(
            config=config, server_client=MagicMock(spec=ServerClient)
        )
        client = TestClient(server.setup_webserver())
        asked = {
            "responses_create_params": {"input": [{"role": "user", "content": PROMPT}]},
            "response": gym_response(RESPONSES[0]),
        }
        answer = client.post("/verify", json=asked)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.near([answer.json()["reward"]], self.expected()[:1])
        call = {"type": "function_call_output", "call_id": "c", "output": "3"}
        asked["responses_create_params"]["input"].append(call)
        with self.assertRaisesRegex(ValueError, "function_call_output"):
            client.post("/verify", json=asked)

    @needs("resources_servers.genrm_compare.app")
    def test_nemo_gym_compare(self):
        from resources_servers.genrm_compare.app import GenRMCompareRequest, GenRMCompareResponse

        from assay_rewards import Assay

        group = GenRMCompareRequest(
            conversation_history=[{"role": "user", "content": PROMPT}],
            response_objs=[gym_response(text) for text in RESPONSES],
        )
        answer = GenRMCompareResponse(**Assay().post("/compare", group.model_dump()))
        self.near(answer.rewards, self.expected())

    @needs("openai")
    def test_openai(self):
        import openai

        client = openai.OpenAI(base_url=self.url + "/v1", api_key="none", max_retries=0)
        self.assertEqual([model.id for model in client.models.list()], ["reward", "policy"])
        self.assertEqual(client.models.retrieve("policy").id, "policy")
        messages = [
            {"role": "user", "content": PROMPT}, {"role": "assistant", "content": RESPONSES[0]}
        ]
        answer = client.chat.completions.create(model="reward", messages=messages)
        self.near([answer.choices[0].logprobs.content[0].logprob], self.expected()[:1])
        text = f"<|user|>{PROMPT}</s><|assistant|>{RESPONSES[0]}</s>"
        vector = client.embeddings.create(model="reward", input=text).data[0].embedding
        self.near(vector, self.expected()[:1])
        written = client.completions.create(model="policy", prompt="Anna", max_tokens=4, logprobs=2)
        self.assertEqual(len(written.choices[0].logprobs.tokens), written.usage.completion_tokens)
        stream = client.chat.completions.create(
            model="policy", messages=messages[:1], max_tokens=4, temperature=0, stream=True
        )
        pieces = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        whole = client.chat.completions.create(
            model="policy", messages=messages[:1], max_tokens=4, temperature=0
        )
        self.assertEqual(pieces, whole.choices[0].message.content)

    @needs("litellm")
    def test_litellm(self):
        import litellm

        messages = [
            {"role": "user", "content": PROMPT}, {"role": "assistant", "content": RESPONSES[0]}
        ]
        answer = litellm.completion(
            model="openai/reward", api_base=self.url + "/v1", api_key="none", messages=messages
        )
        # It keeps what it does not know of a message.
        kept = answer.choices[0].message.provider_specific_fields
        self.near([kept["reward"]], self.expected()[:1])
        ranked = litellm.rerank(
            model="hosted_vllm/reward", api_base=self.url, api_key="none", query=PROMPT,
            documents=RESPONSES,
        )
        rewards = self.expected()
        order = sorted(range(3), key=lambda index: -rewards[index])
        self.assertEqual([result["index"] for result in ranked.results], order)

    @needs("prometheus_eval", "litellm")
    def test_prometheus(self):
        """Its own client with the parameters that it sends unless it is told otherwise."""
        from prometheus_eval.litellm import LiteLLM

        sent = {
            "max_tokens": 4, "repetition_penalty": 1.03, "best_of": 1, "temperature": 1.0, "top_p": 0.9
        }
        os.environ.setdefault("OPENAI_API_KEY", "none")
        client = LiteLLM("openai/policy", api_base=self.url + "/v1")
        written = client.completions([[{"role": "user", "content": PROMPT}]] * 2, **sent)
        self.assertEqual([type(text) for text in written], [str, str])

    @needs("langchain_openai")
    def test_langchain(self):
        from langchain_openai import OpenAIEmbeddings

        vectors = OpenAIEmbeddings(
            base_url=self.url + "/v1", api_key="none", model="reward",
            check_embedding_ctx_length=False,
        ).embed_documents([f"<s><|user|>{PROMPT}</s><|assistant|>{RESPONSES[0]}</s>"])
        self.near(vectors[0], self.expected()[:1])

    @needs("inspect_ai", "openai")
    def test_inspect(self):
        from inspect_ai.model import GenerateConfig, get_model

        model = get_model(
            "openai-api/assay/policy", base_url=self.url + "/v1", api_key="none",
            config=GenerateConfig(max_tokens=4),
        )
        self.assertIsInstance(asyncio.run(model.generate(PROMPT)).completion, str)


if __name__ == "__main__":
    unittest.main(verbosity=2)
