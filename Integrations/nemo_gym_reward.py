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
    if isinstance(asked, str):
        asked = [{"role": "user", "content": asked}]
    said = [item for item in asked if item.get("type") != "reasoning"]
    unread = {item["type"] for item in said if "role" not in item}
    if unread:
        raise ValueError(f"the input has {', '.join(sorted(unread))}, which a reward model does not read")
    messages = [{"role": item["role"], "content": text(item["content"])} for item in said]
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
        if reward is not None:
            return BaseVerifyResponse(**asked, reward=reward)
        if "mask_sample" not in BaseVerifyResponse.model_fields:
            raise ValueError("there is no reward, and this NeMo Gym cannot leave a sample out; take 0.7 or newer")
        return BaseVerifyResponse(**asked, reward=0.0, mask_sample=True, failure_reason="no reward")


if __name__ == "__main__":
    AssayResourcesServer.run_webserver()
