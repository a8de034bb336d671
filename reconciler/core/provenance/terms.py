"""The terms under which a model's images may be used: a dated table, which a project can override.

The table says what a provider's own page stated when it was read. It is no legal advice, and pages change.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.provenance.settings import Terms

_GOOGLE = Terms(
    "Google",
    "https://ai.google.dev/gemini-api/terms",
    "Google claims no ownership of generated content",
    "2026-11-28",
    "SynthID cannot be read here; Google states it for these models",
)
_OPENAI = Terms(
    "OpenAI",
    "https://openai.com/policies/row-terms-of-use/",
    "OpenAI assigns its rights in output to the user",
    "2026-11-28",
)
TERMS_OF_MODELS: Mapping[str, Terms] = {
    "gemini-": _GOOGLE,
    "imagen-": _GOOGLE,
    "gpt-image-": _OPENAI,
    "chatgpt-image-": _OPENAI,
    "dall-e-": _OPENAI,
    "doubao-": Terms("ByteDance"),
    "qwen-": Terms("Alibaba Cloud"),
}
"""Terms by the beginning of a model's name. Without a URL, nothing is known of them here."""


def terms_of(model: str, provider: str, own: Mapping[str, Terms]) -> Terms | None:
    """The terms of a model: those of the project by its name, else by the provider's, else those of the table."""
    for name in (model, provider):
        if name and name in own:
            return own[name]
    return next((terms for start, terms in TERMS_OF_MODELS.items() if model.startswith(start)), None)
