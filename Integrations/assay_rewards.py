"""Rewards of a running `assay serve`, for trainers: the standard library is all it needs.

    assay serve --model MODEL &
    >>> Assay("http://127.0.0.1:8000").rewards(["How many?", "How many?"], ["3", "four"])
    [1.27, -0.41]

A response that cannot be scored, such as one that is too long, has no reward (`None`), never one in the
middle. Responses to one prompt that stand in a row are a group: a judge compares them with each other.
"""

import itertools
import json
import os
import time
import urllib.error
import urllib.request


class Assay:
    def __init__(self, url=None, model=None, key=None, timeout=600, tries=5):
        """`ASSAY_URL`, `ASSAY_MODEL` and `ASSAY_API_KEY` of the environment stand in for what is not given."""
        self.url = (url or os.environ.get("ASSAY_URL", "http://127.0.0.1:8000")).rstrip("/")
        self.model = model or os.environ.get("ASSAY_MODEL")
        self.key = key or os.environ.get("ASSAY_API_KEY")
        self.timeout, self.tries = timeout, tries

    def rewards(self, prompts, responses):
        """One reward a response, in their order; a prompt is a text or a list of messages."""
        pairs = zip(prompts, responses, strict=True)
        groups = [
            {"prompt": json.loads(prompt), "responses": [response for _, response in own]}
            for prompt, own in itertools.groupby(
                ((json.dumps(prompt), response) for prompt, response in pairs), lambda pair: pair[0]
            )
        ]
        if not groups:
            return []
        answers = self.post("/v1/groups", {"groups": groups})
        return [reward for answer in answers for reward in answer["rewards"]]

    def post(self, path, body):
        """The answer to a request; a server that is busy or on its way is asked again."""
        if self.model:
            body = {**body, "model": self.model}
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        for attempt in itertools.count(1):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                text = error.read().decode(errors="replace")
                if error.code not in (429, 502, 503, 504) or attempt >= self.tries:
                    raise RuntimeError(f"{self.url}{path} answered {error.code}: {text}") from None
            except urllib.error.URLError as error:
                if attempt >= self.tries:
                    raise RuntimeError(f"{self.url}{path} cannot be asked: {error.reason}") from None
            time.sleep(min(2.0**attempt, 30) / 4)


def text_of(completion):
    """The text of a completion: a text, or messages whose last one is the response."""
    return completion if isinstance(completion, str) else completion[-1]["content"]
