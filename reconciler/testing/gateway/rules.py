"""Choose the fault of a request: by its prompt, by its turn, or by chance."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter, deque

from reconciler.testing.gateway.faults import check

IN_PROMPT = re.compile(r"fault:(\w+(?:,\w+)*)")


class Rules:
    """The first rule that applies: `fault:` in the prompt, then `when`, then the script, then chance; else ok.

    `fault:503_json,ok` in a prompt means: the first request with this prompt gets 503_json, all later ones are served.
    """

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self._script: deque[str] = deque()
        self._when: list[tuple[str, tuple[str, ...]]] = []
        self._chances: list[tuple[str, float]] = []
        self._seen: Counter[tuple[str, str]] = Counter()
        self._random = random.Random(seed)

    def script(self, *names: str) -> None:
        """The next requests get these faults, one each, whatever their prompt."""
        with self._lock:
            self._script.extend(check(names))

    def when(self, prompt_part: str, *names: str) -> None:
        """Requests with this text in the prompt get these in turn, from the first one, then the last one each time."""
        with self._lock:
            for seen in [seen for seen in self._seen if seen[0] == prompt_part]:
                del self._seen[seen]
            self._when.append((prompt_part, check(names)))

    def chance(self, name: str, probability: float) -> None:
        """Each request gets this fault with this probability, drawn from the seed."""
        with self._lock:
            check((name,))
            self._chances.append((name, probability))

    def clear(self) -> None:
        """Serve everything from now on."""
        with self._lock:
            self._script.clear()
            self._when.clear()
            self._chances.clear()

    def at_accept(self) -> bool:
        """Whether the script wants the next connection reset before a byte of it is read."""
        with self._lock:
            wanted = bool(self._script) and self._script[0] == "reset_before"
            if wanted:
                self._script.popleft()
            return wanted

    def choose(self, prompt: str) -> str:
        """The fault for one request. ValueError where the prompt names one that does not exist."""
        with self._lock:
            found = IN_PROMPT.search(prompt)
            if found:
                return self._turn(found.group(0), prompt, check(tuple(found.group(1).split(","))))
            for prompt_part, names in self._when:
                if prompt_part in prompt:
                    return self._turn(prompt_part, prompt, names)
            if self._script:
                return self._script.popleft()
            drawn = [name for name, probability in self._chances if self._random.random() < probability]
            return drawn[0] if drawn else "ok"

    def _turn(self, rule: str, prompt: str, names: tuple[str, ...]) -> str:
        turn = self._seen[rule, prompt]
        self._seen[rule, prompt] += 1
        return names[min(turn, len(names) - 1)]
