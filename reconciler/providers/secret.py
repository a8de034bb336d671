"""A key that no `repr` shows, or the reason that there is none."""

from __future__ import annotations

import hashlib

from reconciler.core.value import value

_ACCOUNT_DIGITS = 16


@value
class Key:
    """A secret. Only `reveal()` returns it."""

    _value: str

    def reveal(self) -> str:
        """The key itself, for the header of a request and for nothing else."""
        return self._value

    def account_of(self, used_for: str) -> str:
        """Tells whether this key was used for something, such as a job, and nothing else about the key: the journal
        keeps it."""
        return hashlib.sha256(f"{used_for} {self._value}".encode()).hexdigest()[:_ACCOUNT_DIGITS]

    def __repr__(self) -> str:
        return "Key(…)"


NO_KEY_SENT = Key("")
"""For servers that need no key."""


@value
class NoKey:
    """The reason that there is no key to send, and a hint."""

    reason: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.reason}\n  hint: {self.hint}" if self.hint else self.reason
