"""A fake of the paid image APIs, over real sockets, that bills for every request as the real ones do.

In a test::

    from reconciler.testing.gateway import Gateway, running

    def test_it(gateway: Gateway) -> None:      # the fixture of reconciler.testing.plugin
        provider = make(base_url=gateway.url("openai"), key=gateway.key)      # gravitex, gemini, openai, local
        ...generate "a cat fault:503_json,ok"...
        assert gateway.ledger.billed_by_prompt() == {"a cat fault:503_json,ok": 1}
        assert gateway.ledger.trapped == ()

    with running(seed=1, delay=0.05, size=1_000_000, retry_after=0, gateway="source") as gateway: ...

`local` is an OpenAI-shaped server of one's own: no key, WxH only (a ratio is 422), URLs relative to itself.

As a process (for clients that are killed; it outlives them)::

    python -m reconciler.testing.gateway --ledger FILE [--port 0] [--dialect openai] [--fault 503_json,ok]
    with spawned(tmp_path / "bill.jsonl", "--fault", "stall@0.05") as gateway:
        gateway.url(), gateway.ledger()

Its first line on stdout is the base URL, its second JSON with all URLs and the key.

Faults are named in `faults.EXPECTED` (fault to outcome class; `faults.expected(fault, dialect, route)` where a dialect
has it otherwise; also `faults.STOPS`, `faults.retry_after`, `faults.charged`). The first of these rules applies:

- the prompt: `fault:stall`, or in turn for this prompt `fault:503_json,503_json,ok` (the last one stays);
- `gateway.when("words", "429_none", "ok")`: the same by words of the prompt;
- `gateway.script("503_json", "ok")`: the next paid requests, one each;
- `gateway.rules.chance("stall", 0.05)`: drawn from the seed.

A request that the service would not accept (a bad size, no key) meets its own error first.

`refuse`, `tls_garbage`, `bad_certificate` are never requests: `gateway.origin_for("refuse")` is a place where they
happen, and within `gateway.deaf()` every dialect's own port refuses. `reset_before` from a script resets the connection
as it is accepted; from a prompt it must read the request to know. Either way nothing is billed, and the client cannot
know that.

The ledger has an `Entry` for each request, written before the answer: `ledger.requests` (for an image), `.billed`,
`.amount`, `.billed_by_prompt()`, `.fetches` (of answers by URL), `.trapped` (on the other host or behind a bad
certificate), `.entries` (all). An entry keeps the request's own bytes (`head` without the key's value, `body`, `json`,
`parts`), what it asked for, the digests of its references and of the images that were answered, and whether the client
was there to the last byte (`gateway.settle()` first: a client may have its answer before that is written). It bills on
receipt of a complete request, except where docs/providers.md says that nothing is charged; "maybe" is charged.
"""

from __future__ import annotations

from reconciler.testing.gateway.launch import Gateway, Process, running, spawned
from reconciler.testing.gateway.ledger import Entry, Ledger

__all__ = ["Entry", "Gateway", "Ledger", "Process", "running", "spawned"]
