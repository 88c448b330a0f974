#!/usr/bin/env python3
"""Loads `assay serve` with good and bad requests, and with clients that go away, and checks that it bears them.

  soak_server.py BINARY                                       some thousand requests, as continuous integration does
  soak_server.py BINARY --requests 100000 --disconnects 2000  a long soak

Good requests must be answered with 200 and the numbers of their first answer; bad ones with 4xx and an error in JSON; health
within --health-limit seconds at all times. At the end nothing may be unfinished, pages of the cache may not be in use,
memory may have grown by --growth MiB at most in the second half, and SIGTERM must end the server with 143.
"""

import argparse
import asyncio
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

from tiny_world import World

ONE = "anna has 14 apples. she gives 3 to bob. how many apples does anna have now?"
CHAT = [{"role": "user", "content": ONE}]
# What stands in the place of a part of a damaged body.
WORDS = [b"", b"null", b"true", b"-1", b"0", b"1e999", b"9223372036854775808", b"0.5", b'"', b"{", b"}", b"[", b"]", b",",
         b":", b"\\", b'"\\ud800"', b"\x00", b"\xff", b'"temperature":', b'"n":', b'"model":', b'"stop":["a"],', b"[[]]"]
TURN = CHAT + [{"role": "assistant", "content": "11"}]


def good():
    """Requests that are served: path, body."""
    texts = [f"<s><|user|>{ONE} {n}<|eot|><|assistant|>{n}<|eot|>" for n in range(4)]
    return [
        ("/v1/rewards", {"prompt": ONE, "response": "11"}),
        ("/v1/rewards", {"records": [{"prompt": ONE, "response": str(n)} for n in range(8)]}),
        ("/v1/rewards", {"model": "cloud", "prompt": ONE, "response": "11", "max_tokens": 12}),
        ("/v1/judgements", {"model": "judge", "prompt": ONE, "responses": ["11", "12"]}),
        ("/v1/groups", {"model": "classic", "prompt": ONE, "responses": ["11", "12", "13"]}),
        ("/v1/groups", {"model": "judge", "prompt": ONE, "responses": ["11", "12"]}),
        ("/classify", {"model": "classic", "input": texts}),
        ("/classify", {"model": "classic", "messages": TURN}),
        ("/classify", {"model": "classic", "input": [[1, 2, 3, 4]]}),
        ("/classify", {"text": texts}),
        ("/score", {"model": "classic", "text_1": ONE, "text_2": ["11", "12"]}),
        ("/get_reward", {"query": texts}),
        ("/v1/score/evaluation", {"model": "any", "messages": texts}),
        ("/v1/embeddings", {"model": "classic", "input": texts[0]}),
        ("/tokenize", {"model": "base", "prompt": ONE}),
        ("/v1/chat/completions", {"model": "base", "messages": CHAT, "max_tokens": 8, "temperature": 0}),
        ("/v1/chat/completions", {"model": "base", "messages": CHAT, "max_tokens": 8, "seed": 3, "n": 2}),
        ("/v1/chat/completions", {"model": "base", "messages": CHAT, "max_tokens": 8, "seed": 3, "stream": True}),
        ("/v1/chat/completions", {"model": "cloud", "messages": TURN, "temperature": 0, "max_tokens": 12}),
        ("/v1/completions", {"model": "base", "prompt": texts[0], "max_tokens": 4, "temperature": 0}),
    ]


def bad():
    """Requests that are refused: path, body as bytes."""
    def text(value):
        return json.dumps(value).encode()
    return [
        ("/v1/rewards", b"{"), ("/v1/rewards", b"\xff\xfe"), ("/v1/rewards", b""), ("/v1/rewards", b"[" * 5000),
        ("/v1/rewards", text({"prompt": ONE})), ("/v1/rewards", text({"prompt": ONE, "response": 7})),
        ("/v1/rewards", text({"prompt": ONE, "response": "x", "sample": 4})),
        ("/v1/rewards", text({"prompt": "word " * 5000, "response": "x"})),
        ("/v1/judgements", text({"model": "classic", "prompt": ONE, "responses": ["a", "b"]})),
        ("/v1/judgements", text({"model": "judge", "prompt": ONE, "responses": ["a"]})),
        ("/v1/groups", text({"prompt": ONE, "responses": []})), ("/classify", text({"input": [[-1, 10 ** 12]]})),
        ("/classify", text({"input": [[1] * 5000]})), ("/classify", text({"messages": "hi"})),
        ("/v1/chat/completions", text({"model": "base", "messages": []})),
        ("/v1/chat/completions", text({"model": "base", "messages": CHAT, "temperature": -1})),
        ("/v1/chat/completions", text({"model": "base", "messages": CHAT, "max_tokens": 10 ** 9})),
        ("/v1/chat/completions", text({"model": "none", "messages": CHAT})),
        ("/v1/nothing", text({})), ("/tokenize", text([1, 2])), ("/score", text({"text_1": 1})),
    ]


class Soak:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.good = [(path, json.dumps(body).encode()) for path, body in good()]
        self.first, self.problems, self.counts = {}, [], {"good": 0, "bad": 0, "damaged": 0, "disconnected": 0}
        self.busy, self.longest, self.health = 0, 0.0, 0.0

    def problem(self, text):
        if len(self.problems) < 20:
            print(text, flush=True)
        self.problems.append(text)

    async def ask(self, path, body):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(head(path, len(body)) + body)
            await writer.drain()
            return await answer(reader)
        finally:
            writer.close()

    async def one_good(self):
        number = self.random.randrange(len(self.good))
        path, body = self.good[number]
        start = time.monotonic()
        status, data = await self.ask(path, body)
        self.longest = max(self.longest, time.monotonic() - start)
        if status == 429:
            self.busy += 1
            return
        self.counts["good"] += 1
        if status != 200:
            return self.problem(f"{path} {body[:200]}: {status} {data[:300]}")
        found = lasting(data)
        if not alike(self.first.setdefault(number, found), found):
            self.problem(f"{path} {body[:200]}: {found[:300]}, at first {self.first[number][:300]}")

    async def one_bad(self):
        path, body = self.random.choice(bad())
        status, data = await self.ask(path, body)
        self.counts["bad"] += 1
        if status == 429:
            self.busy += 1
        elif not 400 <= status < 500 or not json.loads(data).get("error"):
            self.problem(f"{path} {body[:200]}: {status} {data[:300]}")

    async def one_damaged(self):
        """A good request with some bytes or words of it changed: served or refused, and never a failure of ours."""
        path, body = self.random.choice(self.good)
        damaged = bytearray(body)
        for _ in range(self.random.randint(1, 4)):
            at = self.random.randrange(len(damaged) + 1)
            if self.random.random() < 0.5:
                damaged[at:at + self.random.randrange(4)] = self.random.choice(WORDS)
            elif at < len(damaged):
                damaged[at] = self.random.randrange(256)
        status, data = await self.ask(path, bytes(damaged))
        self.counts["damaged"] += 1
        if status == 429:
            self.busy += 1
        elif status != 200 and (not 400 <= status < 500 or not json.loads(data).get("error")):
            self.problem(f"{path} {bytes(damaged)[:300]}: {status} {data[:300]}")

    async def one_disconnect(self):
        """A client that goes away at any place of its request or of the answer."""
        path, body = self.random.choice(self.good)
        whole = head(path, len(body)) + body
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        kind = self.random.randrange(3)
        writer.write(whole if kind else whole[:self.random.randrange(len(whole))])
        await writer.drain()
        if kind == 2:
            await asyncio.wait_for(reader.read(self.random.randrange(1, 64)), 60)
        elif self.random.random() < 0.5:
            await asyncio.sleep(0.02 * self.random.random())
        if self.random.random() < 0.5:
            writer.transport.abort()
        writer.close()
        self.counts["disconnected"] += 1

    async def client(self, share):
        while self.left > 0:
            self.left -= 1
            chance = self.random.random()
            try:
                if chance < share:
                    await self.one_disconnect()
                elif chance < share + 0.15:
                    await self.one_bad()
                elif chance < share + 0.3:
                    await self.one_damaged()
                else:
                    await self.one_good()
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError) as error:
                self.problem(f"no whole answer: {error!r}")
                if self.server.poll() is not None:
                    return

    async def watch(self):
        """Asks for the server's health and memory while it is loaded."""
        sizes, total = [], self.left
        while self.left > 0 and self.server.poll() is None:
            start = time.monotonic()
            try:
                status, _ = await asyncio.wait_for(self.ask("/health", b""), 60)
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
                status = repr(error)
            self.health = max(self.health, time.monotonic() - start)
            if status != 200:
                self.problem(f"/health: {status}")
            sizes.append((total - self.left, resident(self.server.pid)))
            await asyncio.sleep(0.5)
        tenths = [max((size for done, size in sizes if number <= 10 * done / total <= number + 1), default=0)
                  for number in range(10)]
        print("memory by tenths: " + ", ".join(f"{size:.0f}" for size in tenths) + " MiB")
        # What is loaded grows to a level; what leaks grows on.
        growth = max(tenths[5:]) - max(tenths[:5])
        if growth > self.options.growth:
            self.problem(f"memory grew by {growth:.0f} MiB in the second half")
        if self.health > self.options.health_limit:
            self.problem(f"/health took {self.health:.2f} s")

    async def load(self):
        for number in range(len(self.good)):  # alone, the numbers that all others are held against
            path, body = self.good[number]
            status, data = await self.ask(path, body)
            if status != 200:
                raise SystemExit(f"{path} {body}: {status} {data}")
            self.first[number] = lasting(data)
        self.left = self.options.requests
        share = self.options.disconnects / self.options.requests
        await asyncio.gather(self.watch(), *(self.client(share) for _ in range(self.options.clients)))
        for _ in range(100):
            _, data = await self.ask("/metrics", b"")
            names = ["assay_requests_in_progress", "assay_queue_length", "assay_running_sequences",
                     "assay_cache_pages_used"]
            left = {name: value(data, name) for name in names}
            # The request that asks is one.
            if left["assay_requests_in_progress"] <= 1 and not any(left[name] for name in names[1:]):
                return
            await asyncio.sleep(0.1)
        self.problem(f"something is left unfinished: {left}")

    def run(self):
        with tempfile.TemporaryDirectory() as temporary:
            world = World(self.options.binary, self.options.folder or temporary)
            models = {"classic": "classic", "cloud": "cloud", "judge": "genrm", "base": "base"}
            words = [word for name, path in models.items() for word in ("--model", f"{name}={path}")]
            log = open(world.folder / "serve.log", "w")
            self.server = subprocess.Popen(
                [world.binary, "serve", *words, "--port", "0", "--threads", "1"], cwd=world.folder, stderr=log)
            try:
                self.port = self.wait(world.folder / "serve.log")
                start = time.monotonic()
                asyncio.run(self.load())
                seconds = time.monotonic() - start
                if self.server.poll() is not None:
                    self.problem(f"the server ended with {self.server.returncode}")
                self.server.send_signal(signal.SIGTERM)
                status = self.server.wait(timeout=60)
                if status != 143:
                    self.problem(f"SIGTERM ends the server with {status}")
            finally:
                self.server.kill()
        print(f"{self.options.requests} requests in {seconds:.0f} s: {self.counts}, {self.busy} times 429, the longest "
              f"{self.longest:.2f} s, /health {1000 * self.health:.0f} ms at the most, {len(self.problems)} problems")
        return not self.problems

    def wait(self, log):
        for _ in range(600):
            found = re.search(r" at http://127\.0\.0\.1:(\d+)", log.read_text())
            if found:
                return int(found.group(1))
            if self.server.poll() is not None:
                raise SystemExit(f"the server ends with {self.server.returncode}: {log.read_text()}")
            time.sleep(0.1)
        raise SystemExit("the server does not start")


def head(path, length):
    method = "GET" if path in ("/health", "/metrics") else "POST"
    return (f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\nConnection: close\r\n\r\n").encode()


async def answer(reader):
    """The status and the body of an answer behind which the connection is closed."""
    data = await asyncio.wait_for(reader.read(-1), 120)
    top, _, body = data.partition(b"\r\n\r\n")
    if not top:
        raise asyncio.IncompleteReadError(data, None)
    if b"transfer-encoding: chunked" in top.lower():
        whole = b""
        while body:
            size, _, rest = body.partition(b"\r\n")
            count = int(size, 16)
            whole, body = whole + rest[:count], rest[count + 2:]
        body = whole
    return int(top.split()[1]), body


def lasting(data):
    """An answer without its id, times and drawn seed."""
    return re.sub(rb'"(id|created|seed)": ?("[^"]*"|\d+)', b"", data).decode()


def alike(first, second):
    """Whether two answers say the same, their numbers but for rounding."""
    number = re.compile(r"-?\d+\.\d+(?:[eE][-+]?\d+)?")
    if number.sub("#", first) != number.sub("#", second):
        return False
    return all(abs(float(a) - float(b)) <= 1e-4 * max(1, abs(float(a)))
               for a, b in zip(number.findall(first), number.findall(second)))


def value(metrics, name):
    found = re.search(rf"^{name} (\S+)$", metrics.decode(), re.MULTILINE)
    return float(found.group(1))


def resident(process):
    """Resident memory in MiB; 0 where the system does not tell."""
    try:
        text = open(f"/proc/{process}/status").read()
    except OSError:
        return 0.0
    found = re.search(r"VmRSS:\s+(\d+)", text)
    return int(found.group(1)) / 1024 if found else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--disconnects", type=int, default=300, help="how many of them are clients that go away, about")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--growth", type=float, default=16)
    parser.add_argument("--health-limit", type=float, default=5)
    parser.add_argument("--folder", help="where the models are, which are kept; default: a temporary one")
    sys.exit(0 if Soak(parser.parse_args()).run() else 1)


if __name__ == "__main__":
    main()
