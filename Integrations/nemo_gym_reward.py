"""NeMo Gym: a resources server whose `/verify` is the reward of `assay serve`.

A group is compared by the server itself: its `/compare` takes what `genrm_compare` takes.
"""

import asyncio

from assay_rewards import Assay
from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseVerifyRequest,
    BaseVerifyResponse,
    SimpleResourcesServer,
)


class AssayConfig(BaseResourcesServerConfig):
    url: str = "http://127.0.0.1:8000"


def parts(body):
    """The conversation before a response, and its text."""
    asked = body["responses_create_params"]["input"]
    messages = [{"role": "user", "content": asked}] if isinstance(asked, str) else [
        {"role": item["role"], "content": text(item["content"])} for item in asked if "role" in item
    ]
    answer = [item for item in body["response"]["output"] if item["type"] == "message"]
    return messages, "".join(text(item["content"]) for item in answer)


def text(content):
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


class AssayResourcesServer(SimpleResourcesServer):
    config: AssayConfig

    async def verify(self, body: BaseVerifyRequest) -> BaseVerifyResponse:
        asked = body.model_dump()
        messages, response = parts(asked)
        assay = Assay(self.config.url)
        reward = (await asyncio.to_thread(assay.rewards, [messages], [response]))[0]
        lost = {"mask_sample": True, "failure_reason": "no reward"} if reward is None else {}
        return BaseVerifyResponse(**asked, reward=reward or 0.0, **lost)


if __name__ == "__main__":
    AssayResourcesServer.run_webserver()
