#!/usr/bin/env python3
"""Records what clients of the field send to a reward or chat server, byte for byte.

A recorder listens on this machine and answers as the real server would; each client asks it once. The
bytes go to Tests/AssayServeTests/Fixtures/client_requests.json, which the server's tests send again.

    python3 -m venv VENV && VENV/bin/pip install openai litellm langchain-openai prometheus-eval \\
        inspect-ai aiohttp requests
    VENV/bin/python Scripts/record_client_requests.py

Clients that are not packages of their own (verl, OpenRLHF, LLaMA-Factory, NeMo Gym, the examples of vLLM)
are asked for as their sources do it, with the same HTTP library and the same payload: the file that each
one is from is named beside it.
"""

import asyncio
import json
import pathlib
import re
import socketserver
import threading
from importlib import metadata

OUT = pathlib.Path(__file__).parent.parent / "Tests/AssayServeTests/Fixtures/client_requests.json"
MODEL = "tiny"
# A conversation rendered by the template of Assay's own models; vLLM's clients take the first token off.
TEXT = "<s><|user|>How many?<|eot|><|assistant|>3<|eot|>"
MESSAGES = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "3"}]
QUESTION = [{"role": "user", "content": "How many?"}]

CHAT = {
    "id": "c", "object": "chat.completion", "created": 1, "model": MODEL,
    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                 "message": {"role": "assistant", "content": "Good. [RESULT] 4"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
ANSWERS = {
    "/v1/chat/completions": CHAT,
    "/v1/completions": {"id": "c", "object": "text_completion", "created": 1, "model": MODEL,
                        "choices": [{"index": 0, "text": "x", "finish_reason": "stop"}]},
    "/v1/embeddings": {"object": "list", "model": MODEL,
                       "data": [{"index": 0, "object": "embedding", "embedding": [1.0]}],
                       "usage": {"prompt_tokens": 1, "total_tokens": 1}},
    "/v1/models": {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1}]},
    f"/v1/models/{MODEL}": {"id": MODEL, "object": "model", "created": 1, "owned_by": "a"},
    "/classify": {"data": [{"index": 0, "probs": [0.5]}]},
    "/pooling": {"data": [{"index": 0, "data": [0.5]}]},
    "/get_reward": {"rewards": [0.5], "scores": [0.5], "extra_logs": {}},
    "/v1/score/evaluation": {"scores": [0.5]},
    "/compare": {"rewards": [0.5, 0.5]},
    "/tokenize": {"tokens": [1], "count": 1},
    "/score": {"data": [{"index": 0, "score": 0.5}]},
    "/rerank": {"results": [{"index": 0, "relevance_score": 0.5}]},
    "/v1/rerank": {"results": [{"index": 0, "relevance_score": 0.5}]},
}

recorded = []


class Recorder(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            length = re.search(rb"content-length: *(\d+)", head, re.I)
            body = self.rfile.read(int(length.group(1))) if length else b""
            recorded.append((head, body))
            path = head.split()[1].decode()
            answer = json.dumps(ANSWERS[path]).encode()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             + b"Content-Length: %d\r\n\r\n" % len(answer) + answer)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def version(package):
    return f"{package} {metadata.version(package)}"


def main():
    server = Server(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_address[1]}"
    entries = []

    def record(name, source, ask):
        before = len(recorded)
        try:
            ask()
        except Exception as error:  # the recorder's answer is no real one
            print(f"{name}: {type(error).__name__}: {error}"[:200])
        if len(recorded) == before:
            raise SystemExit(f"{name} asked nothing")
        head, body = recorded[before]
        # The port, and what differs between machines, is the same in all recordings.
        text = head.decode().replace(host, "127.0.0.1:8000")
        for header in ("x-stainless-os", "x-stainless-arch", "x-stainless-runtime-version"):
            text = re.sub(rf"(?im)^({header}: ).*(\r)$", r"\1any\2", text)
        entries.append({"client": name, "source": source, "head": text, "body": body.decode()})

    openai_clients(record, host)
    trainer_clients(record, host)
    vllm_examples(record, host)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(entries)} requests in {OUT}")


def openai_clients(record, host):
    import litellm
    import openai
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    url = f"http://{host}/v1"
    client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
    source = version("openai")
    record("openai chat", source, lambda: client.chat.completions.create(
        model=MODEL, messages=QUESTION, max_tokens=4))
    record("openai chat of a reward", source, lambda: client.chat.completions.create(
        model=MODEL, messages=MESSAGES))
    record("openai completions", source, lambda: client.completions.create(
        model=MODEL, prompt=TEXT, max_tokens=4, logprobs=1))
    record("openai embeddings", source, lambda: client.embeddings.create(model=MODEL, input=TEXT))
    record("openai models.retrieve", source, lambda: client.models.retrieve(MODEL))
    record("openai models.list", source, lambda: client.models.list())
    record("langchain embeddings", version("langchain-openai"), lambda: OpenAIEmbeddings(
        base_url=url, api_key="none", model=MODEL, max_retries=0,
        check_embedding_ctx_length=False).embed_query(TEXT))
    record("langchain chat", version("langchain-openai"), lambda: ChatOpenAI(
        base_url=url, api_key="none", model=MODEL, max_retries=0, max_tokens=4).invoke("How many?"))
    record("litellm chat", version("litellm"), lambda: litellm.completion(
        model=f"openai/{MODEL}", api_base=url, api_key="none", messages=QUESTION, max_tokens=4,
        num_retries=0))
    record("litellm rerank", version("litellm"), lambda: litellm.rerank(
        model=f"hosted_vllm/{MODEL}", api_base=f"http://{host}", api_key="none", query="How many?",
        documents=["3", "four"], top_n=1))

    # Its default parameters, prometheus_eval/judge.py; LiteLLM sends them.
    record("prometheus-eval", version("prometheus-eval"), lambda: litellm.completion(
        model=f"openai/{MODEL}", api_base=url, api_key="none", num_retries=0,
        messages=[{"role": "system", "content": "You are a fair judge."}] + QUESTION,
        max_tokens=30, repetition_penalty=1.03, best_of=1, temperature=1.0, top_p=0.9))

    def inspect():
        from inspect_ai.model import GenerateConfig, get_model
        model = get_model(f"openai-api/assay/{MODEL}", base_url=url, api_key="none",
                          config=GenerateConfig(max_tokens=4, max_retries=0))
        asyncio.run(model.generate("How many?"))

    record("inspect_ai chat", version("inspect-ai"), inspect)


def trainer_clients(record, host):
    import aiohttp
    import requests

    async def post(path, payload):
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            async with session.post(f"http://{host}/{path}", json=payload) as response:
                return await response.json()

    # The beginning token is taken off, as the server adds it.
    stripped = TEXT.removeprefix("<s>")
    record("verl", "verl verl/experimental/reward_loop/reward_loop.py compute_score_disrm (vLLM)",
           lambda: asyncio.run(post("classify", {
               "model": MODEL, "input": stripped, "use_activation": False})))
    record("verl on SGLang",
           "verl verl/experimental/reward_loop/reward_loop.py compute_score_disrm (SGLang)",
           lambda: asyncio.run(post("v1/embeddings", {"model": MODEL, "input": stripped})))
    record("OpenRLHF", "OpenRLHF openrlhf/utils/agent.py", lambda: asyncio.run(post("get_reward", {
        "query": [TEXT], "prompts": ["<s><|user|>How many?<|eot|><|assistant|>"],
        "labels": ["3"]})))
    record("LLaMA-Factory", "LLaMA-Factory src/llamafactory/train/ppo/ppo_utils.py",
           lambda: requests.post(
               f"http://{host}/v1/score/evaluation", json={"model": "model", "messages": [TEXT]},
               headers={"Content-Type": "application/json"}))

    def answer(text):
        return {"id": "r", "output": [
            {"type": "reasoning", "id": "s", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "message", "id": "m", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": text, "annotations": []}]}]}

    record("NeMo Gym compare", "NVIDIA-NeMo/Gym resources_servers/genrm_compare/app.py",
           lambda: asyncio.run(post("compare", {
               "conversation_history": QUESTION,
               "response_objs": [answer("3"), answer("four")], "principle": None})))


def vllm_examples(record, host):
    import requests

    headers = {"User-Agent": "Test Client"}
    source = "vllm examples/pooling/"
    record("vLLM pooling of a text", source + "pooling/pooling_online.py", lambda: requests.post(
        f"http://{host}/pooling", headers=headers, json={"model": MODEL, "input": TEXT}))
    record("vLLM pooling of a user's turn", source + "reward/sequence_reward_online.py",
           lambda: requests.post(f"http://{host}/pooling", headers=headers, json={
               "model": MODEL, "messages": [
                   {"role": "user", "content": [{"type": "text", "text": "vLLM is great!"}]}]}))
    record("vLLM tokenize", source + "classify/classification_online.py", lambda: requests.post(
        f"http://{host}/tokenize", json={"model": MODEL, "prompt": TEXT}))
    headers = {"accept": "application/json", "Content-Type": "application/json"}
    record("vLLM score", source + "score/score_api_online.py", lambda: requests.post(
        f"http://{host}/score", headers=headers,
        json={"model": MODEL, "text_1": "How many?", "text_2": ["3", "four"]}))
    record("vLLM rerank", source + "score/rerank_api_online.py", lambda: requests.post(
        f"http://{host}/rerank", headers=headers,
        json={"model": MODEL, "query": "How many?", "documents": ["3", "four"]}))


if __name__ == "__main__":
    main()
