"""LiteLLM, by each of its providers that imgvec answers."""

from dataclasses import dataclass
from typing import Any, Final

import litellm
import pytest

from tests.clients.conftest import Server
from tests.support.contract.checks import bits

litellm.suppress_debug_info = True


@dataclass(frozen=True)
class Provider:
    """A provider's model, where it is, and how LiteLLM reads the statuses of its dialect."""

    model: str
    base: str
    unknown: str = ""
    """A model that is not served: another name of the same kind."""
    quota: tuple[int, str] = (429, "RateLimitError")
    bad_key: tuple[int, str] = (401, "AuthenticationError")
    mixed: bool = True
    """Whether texts and images may be in one list."""
    lists: bool = True
    """Whether a list is one request."""

    def embed(self, server: Server, given: list[str], key: str, **more: Any) -> list[bytes]:
        """The bits of each vector; all that changes is the address and the key."""
        address = server.address + self.base
        region = {"aws_bedrock_runtime_endpoint": address, "aws_region_name": "us-east-1"}
        where = region if self.base == "/bedrock" else {"api_base": address}
        if "text-embedding-3" in self.model:
            more["dimensions"] = 1024
        made = litellm.embedding(**{"model": self.model, **more}, input=given, api_key=key, **where)
        return [bits(one["embedding"]) for one in made.data]


PAYMENT: Final = (402, "PaymentRequiredError")
FORBIDDEN: Final = (403, "PermissionDeniedError")
PROVIDERS: Final = {
    "openai": Provider("openai/text-embedding-3-small", "/v1", "openai/text-embedding-3-huge"),
    "hosted_vllm": Provider("hosted_vllm/starter", "/v1"),
    "jina_ai": Provider("jina_ai/jina-clip-v2", "/v1", quota=FORBIDDEN),
    "infinity": Provider("infinity/starter", "/v1"),
    "voyage": Provider("voyage/voyage-3", "/v1", quota=PAYMENT),
    "cohere": Provider("cohere/embed-english-v3.0", "/v2/embed", quota=PAYMENT, mixed=False),
    "bedrock titan": Provider(
        "bedrock/amazon.titan-embed-image-v1",
        "/bedrock",
        "bedrock/amazon.nova-none",
        (400, "BadRequestError"),
        FORBIDDEN,
        lists=False,
    ),
    "bedrock cohere": Provider(
        "bedrock/cohere.embed-english-v3",
        "/bedrock",
        "bedrock/cohere.none",
        (400, "BadRequestError"),
        FORBIDDEN,
        mixed=False,
    ),
}
of_each = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


@of_each
def test_an_image(server: Server, provider: Provider, uri: str) -> None:
    with server.answers(200):
        assert provider.embed(server, [uri], server.key) == [server.image()]


@of_each
def test_a_batch(server: Server, provider: Provider, uri: str) -> None:
    texts = ["a cat", "a dog"]
    expected = [server.text(text) for text in texts]
    with server.answers(*([200] if provider.lists else [200, 200])):
        assert provider.embed(server, texts, server.key) == expected
    if provider.mixed:
        assert provider.embed(server, ["a cat", uri], server.key) == [expected[0], server.image()]


@of_each
def test_a_bad_key(server: Server, provider: Provider) -> None:
    status, name = provider.bad_key
    with server.answers(status), pytest.raises(getattr(litellm, name)):
        provider.embed(server, ["a cat"], server.wrong_key)


@of_each
def test_an_unknown_model(server: Server, provider: Provider) -> None:
    unknown = provider.unknown or f"{provider.model.partition('/')[0]}/none"
    with server.answers(404), pytest.raises(litellm.NotFoundError):
        provider.embed(server, ["a cat"], server.key, model=unknown)


@of_each
def test_too_fast(server: Server, provider: Provider) -> None:
    """Only `openai/`, which is OpenAI's client, tries again by itself."""
    if provider.model.startswith("openai/"):
        with server.answers(429, 200):
            provider.embed(server, ["a cat"], server.limited_key("slow"))
        return
    with server.answers(429), pytest.raises(litellm.RateLimitError):
        provider.embed(server, ["a cat"], server.limited_key("stopped"))


@of_each
def test_a_used_up_quota(server: Server, provider: Provider) -> None:
    status, name = provider.quota
    with server.answers(status), pytest.raises(getattr(litellm, name)):
        provider.embed(server, ["a cat"], server.limited_key("spent"))
