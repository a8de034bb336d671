"""Where requests go, and that a key goes nowhere else."""

from __future__ import annotations

import pytest

from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.http.origins import BadBase, Base, parse_base
from reconciler.providers.http.public_address import is_public, public_address
from reconciler.providers.keys import key_for
from reconciler.providers.secret import Key, NoKey

ENV = {
    "GRAVITEX_API_KEY": "sk-gravitex",
    "OPENAI_API_KEY": "sk-openai",
    "MY_KEY": "sk-mine",
    "AWS_SECRET": "sk-aws",
    "RECONCILER_TRUSTED_KEYS": "OTHER, MY_KEY",
}


def key(kind: str, url: str = "", env: str = "", **environ: str) -> Key | NoKey:
    return key_for(ProviderSettings("p", kind, base_url=url, api_key_env=env), {**ENV, **environ})


@pytest.mark.parametrize(
    ("found", "reveals"),
    [
        (key("gravitex"), "sk-gravitex"),
        (key("gravitex", "https://api.gravitex.ai/v1", "MY_KEY"), "sk-mine"),
        (key("openai", "http://127.0.0.1:1234", "MY_KEY"), "sk-mine"),
        (key("openai", "http://[::1]:1234", "MY_KEY"), "sk-mine"),
        (key("openai", "http://localhost:1234"), ""),
        (key("gravitex", "https://api.gravitex.ai"), "sk-gravitex"),
        (key("gravitex", "https://api.gravitex.ai/v1/"), "sk-gravitex"),
        (key("openai", "http://comfyui:8188", RECONCILER_TRUSTED_ORIGINS="http://comfyui:8188"), ""),
        (key("openai", "http://10.0.0.5:8080", "MY_KEY", RECONCILER_TRUSTED_ORIGINS="http://10.0.0.5:8080"), "sk-mine"),
        (key("openai", "https://llm.example.com"), ""),
        (key("openai", "https://llm.example.com", "MY_KEY", RECONCILER_TRUSTED_ORIGINS="x, https://LLM.example.com:443"),
         "sk-mine"),
        (key("gravitex", env="GRAVITEX_API_KEY", GRAVITEX_API_KEY=" sk-nl\n"), "sk-nl"),
        (key("gemini", env="GOOGLE_API_KEY", GOOGLE_API_KEY="sk-google"), "sk-google"),
    ],
)  # fmt: skip
def test_key_goes_where_it_belongs(found: Key | NoKey, reveals: str) -> None:
    assert isinstance(found, Key)
    assert found.reveal() == reveals


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (key("gravitex", "https://evil.example", "GRAVITEX_API_KEY"), "not sent to https://evil.example"),
        (key("gravitex", "https://api.gravitex.ai.evil.example", "GRAVITEX_API_KEY"), "not sent to"),
        (key("gravitex", "https://api.gravitex.ai:8443", "GRAVITEX_API_KEY"), "not sent to"),
        (key("gravitex", "https://api.gravitex.ai@evil.example", "GRAVITEX_API_KEY"), "base_url must read"),
        (key("gravitex", "https://evil.example\\@api.gravitex.ai", "GRAVITEX_API_KEY"), "base_url must read"),
        (key("gravitex", "http://api.gravitex.ai", "GRAVITEX_API_KEY"), "not encrypted"),
        (key("openai", "http://10.0.0.5:8080", "MY_KEY"), "put http://10.0.0.5:8080 into the environment variable"),
        (key("openai", "http://comfyui:8188"), "http://comfyui:8188 is not encrypted"),
        (key("openai", "http://169.254.169.254", RECONCILER_TRUSTED_ORIGINS="http://169.254.169.254"), "not encrypted"),
        (key("openai", "http://example.com", RECONCILER_TRUSTED_ORIGINS="http://example.com"), "not encrypted"),
        (key("openai", "http://comfyui:8188", RECONCILER_TRUSTED_ORIGINS="http://comfyui:8189"), "not encrypted"),
        (key("openai", "http://127.0.0.1.evil.example", "MY_KEY"), "not encrypted"),
        (key("gravitex", env="OPENAI_API_KEY"), "OPENAI_API_KEY is not sent to https://api.gravitex.ai"),
        (key("openai", "https://llm.example.com", "MY_KEY", RECONCILER_TRUSTED_ORIGINS="https://llm.example"), "not"),
        (key("gravitex", env="AWS_SECRET"), "put AWS_SECRET into the environment variable RECONCILER_TRUSTED_KEYS"),
        (key("openai", "http://127.0.0.1:1234", "AWS_SECRET"), "AWS_SECRET is not sent"),
        (key("openai", "http://127.0.0.1:1234", "GRAVITEX_API_KEY"), "GRAVITEX_API_KEY is not sent"),
        (key("openai", "https://llm.example", "AWS_SECRET", RECONCILER_TRUSTED_ORIGINS="https://llm.example"), "not"),
        (key("gemini", env="OPENAI_API_KEY", RECONCILER_TRUSTED_KEYS="OPENAI_API_KEY"), "not sent to"),
        (key("gemini"), "GEMINI_API_KEY is not set"),
        (key("gravitex", GRAVITEX_API_KEY="  "), "GRAVITEX_API_KEY is not set"),
        (key("gravitex", GRAVITEX_API_KEY="sk-ü"), "contains characters"),
        (key("gravitex", GRAVITEX_API_KEY="sk-a\r\nX: y"), "contains characters"),
    ],
)
def test_key_goes_nowhere_else(found: Key | NoKey, why: str) -> None:
    assert isinstance(found, NoKey)
    assert why in str(found)
    assert "sk-" not in str(found)


def test_a_base_that_ends_in_the_version_is_not_given_it_twice() -> None:
    for text in ("http://localhost:1/v1", "http://localhost:1/v1/", "http://localhost:1"):
        base = parse_base(text)
        assert isinstance(base, Base)
        assert base.url("/v1/models") == "http://localhost:1/v1/models"
    nested = parse_base("https://proxy.example/openai/v1")
    assert isinstance(nested, Base)
    assert nested.url("/v1/models") == "https://proxy.example/openai/v1/models"


@pytest.mark.parametrize("text", ["", "api.gravitex.ai", "ftp://x", "https://x?y", "https://x:99999", "https://x/ y"])
def test_other_addresses_are_refused(text: str) -> None:
    assert isinstance(parse_base(text), BadBase)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::", True),
        *[(text, False) for text in (
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
            "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0",
            "fd00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
            "2002:7f00:1::", "64:ff9b::7f00:1", "ff02::1", "nonsense", "",
        )],
    ],
)  # fmt: skip
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_name_that_leads_inside_as_well_leads_nowhere() -> None:
    assert public_address(("93.184.216.34", "10.0.0.1")) == ""
    assert public_address(("93.184.216.34", "93.184.216.35")) == "93.184.216.34"
    assert public_address(()) == ""
