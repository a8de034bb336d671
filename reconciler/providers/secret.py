"""A key that no `repr` shows, or the reason that there is none."""

from __future__ import annotations

from reconciler.core.value import value


@value
class Key:
    """A secret. Only `reveal()` returns it."""

    _value: str

    def reveal(self) -> str:
        """The key itself, for the header of a request and for nothing else."""
        return self._value

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
