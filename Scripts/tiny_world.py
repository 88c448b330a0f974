"""A Playground of some pairs, a base of some thousand parameters, and models trained from it: what campaigns work on."""

import hashlib
import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TINY = ["base.architecture.hidden_size=32", "base.architecture.layers=1", "base.architecture.heads=2",
        "base.architecture.groups=2", "base.architecture.feed_forward_size=64", "base.architecture.context_tokens=768",
        "base.vocabulary_size=320"]
# Steps are saved often, so that there is something to go on from.
SMALL = ["compute.dtype=f32", "compute.checkpoint_steps=2"]
JUDGING = ["evaluation.votes=2", "evaluation.judgement_tokens=16", "evaluation.verdicts=enforced"]
# A base of random weights is right half of the time where it has to decide.
STAR = ["star.iterations=2", "star.samples=4", "star.judgement_tokens=16", "star.batch_items=4",
        "star.verdicts=enforced"] + JUDGING
CRITIC = ["critic_rm.samples=2", "critic_rm.critique_tokens=16", "critic_rm.batch_pairs=4"]
# What makes each method's work small.
METHODS = {
    "pretrain": TINY,
    "classic": ["classic.batch_pairs=8"],
    "classic-critic": ["critique.batch_responses=8", "critique.critique_tokens=8", "classic.batch_pairs=8"],
    "regression": ["regression.batch_responses=8"],
    "pair": ["verdict.batch_pairs=8"],
    "judge": JUDGING,
    "judge-token": JUDGING,
    "judge-replay": ["replay.data=corpus.jsonl", "replay.share=0.5", "judge_replay.batch_pairs=8"] + JUDGING,
    "genrm": ["verdict.batch_pairs=8"],
    "star-sft": STAR,
    "star-rationalizer": STAR,
    "star-dpo": STAR,
    "star-ipo": STAR,
    "critic": JUDGING,
    "critic-meta": JUDGING,
    "grpo": ["grpo.rounds=2", "grpo.samples=4", "grpo.judgement_tokens=16", "grpo.batch_items=4",
             "grpo.verdicts=enforced"] + JUDGING,
    "critique-sft": ["critique.batch_responses=8", "critique.critique_tokens=8"],
    "cloud": ["critique.batch_responses=8", "critique.critique_tokens=8", "cloud.batch_pairs=4"],
    "critic-rm-rank": CRITIC,
    "critic-rm-summ": CRITIC,
}


class Answers(BaseHTTPRequestHandler):
    """A model at an endpoint: the same answer to the same request, a critique with its score."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        text = f"it is as it is.\nScore: {hashlib.sha256(body).digest()[0] % 9 + 1}"
        answer = json.dumps({
            "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 9}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:  # a client that was killed
            self.close_connection = True


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


class World:
    """A folder with data and models, made by a binary; what is there is not made again."""

    models = {"pretrain": "base", "classic": "classic", "cloud": "cloud", "genrm": "genrm"}

    def __init__(self, binary, folder):
        self.binary, self.folder = str(Path(binary).resolve()), Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.endpoint = f"openai:http://127.0.0.1:{self.server.server_port}/v1"
        if (self.folder / "ready").exists():
            return
        self.run(["playground", "--out", "world", "--train", "32", "--test", "12", "--quiet"])
        corpus = (self.folder / "world/corpus.jsonl").read_text().splitlines(keepends=True)
        (self.folder / "corpus.jsonl").write_text("".join(corpus[:200]))
        write(self.folder / "responses.jsonl", [
            {"id": f"{pair['id']}-{side}", "prompt": pair["prompt"], "response": pair[side], "rating": rating}
            for pair in self.pairs() for side, rating in (("chosen", 2), ("rejected", 1))])
        write(self.folder / "prompts.jsonl", [{"id": pair["id"], "prompt": pair["prompt"]} for pair in self.pairs()])
        write(self.folder / "questions.jsonl", [
            {"id": str(n), "question": f"what is {n} plus one?", "answer": f"#### {n + 1}"} for n in range(8)])
        write(self.folder / "candidates.jsonl", [
            {"prompt": pair["prompt"], "responses": [pair["chosen"], pair["rejected"]], "right": [True, False]}
            for pair in self.pairs()])
        write(self.folder / "messages.jsonl", [{"messages": [{"role": "user", "content": "hi"}]}] * 50)
        (self.folder / "strings.jsonl").write_text('"two apples"\n' * 500)
        for method, name in self.models.items():
            self.run(self.train(method) + ["--out", name])
        for name in ("classic", "cloud", "genrm"):
            self.run(["eval", "--model", name, "--benchmark", "pairs=world/train.jsonl", "--out", f"{name}-eval",
                      "--threads", "1", "--quiet"])
        (self.folder / "ready").write_text("")

    def pairs(self):
        return [json.loads(line) for line in (self.folder / "world/train.jsonl").read_text().splitlines()]

    def run(self, words):
        """Runs a command to its end, which is its success."""
        done = subprocess.run([self.binary, *words], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)} ends with {done.returncode}: {done.stderr}")

    def train(self, method, more=()):
        """The words of a command that trains by a method, with more settings; --out is to be added."""
        recipe = self.folder / f"{method}.yaml"
        suites = "suites: {test: world/test.jsonl}"
        data = f"model: base\ndata: {{train: world/train.jsonl, {suites}}}\n"
        if method == "pretrain":
            data = "corpus: corpus.jsonl\n"
        elif method == "regression":
            data = "model: base\ndata: {train: responses.jsonl}\n"
        elif method == "critique-sft":
            data = "model: base\ndata: {train: world/train.jsonl}\n"
        elif method in ("judge", "judge-token", "critic", "critic-meta"):
            data = f"model: base\ndata: {{{suites}}}\n"
        recipe.write_text(f"method: {method}\n{data}")
        own = SMALL + METHODS[method] + list(more)
        if method.startswith("critic-rm"):
            # A base of random weights states no score.
            own = own + [f"endpoints.{role}={value}" for role, value in [
                ("generator", self.endpoint), ("generator_model", "m"), ("meta_judge", self.endpoint),
                ("meta_judge_model", "m")]]
        settings = [word for setting in own for word in ("--set", setting)]
        return ["train", recipe.name, *settings, "--threads", "1", "--quiet"]
