"""A gateway that speaks the paid image APIs over real sockets and keeps a ledger of each charge.

In a test::

    from reconciler.testing.gateway import Gateway, running

    def test_it(gateway: Gateway) -> None:      # the fixture of reconciler.testing.plugin
        provider = make(base_url=gateway.url("openai"), key=gateway.key)      # gravitex, gemini, openai, local
        ...generate "a cat fault:503_json,ok"...
        assert gateway.ledger.billed_by_prompt() == {"a cat fault:503_json,ok": 1}
        assert gateway.ledger.misdirected == ()

    with running(seed=1, delay=0.05, size=1_000_000, retry_after=0, gateway="source") as gateway: ...

A provider with an API of its own is tested with `running(apis={"acme": CustomApi(…)})`, see `custom_api`.

`local` is a self-hosted server that speaks OpenAI's images API: no key, sizes as WxH only (a ratio is 422), relative
URLs.

As a process (it outlives a client that is killed)::

    python -m reconciler.testing.gateway --ledger FILE [--port 0] [--dialect openai] [--fault 503_json,ok]
    with spawned(tmp_path / "ledger.jsonl", "--fault", "stall@0.05") as gateway:
        gateway.url(), gateway.ledger()

Its first line on stdout is the base URL, its second JSON with all URLs and the key.

`faults.EXPECTED` has the names of the faults, each with the class of its outcome; `faults.expected(fault, dialect,
route)` has the exceptions of a dialect. See also `faults.STOPS`, `faults.requested_delay`, `faults.charged`. The first
of these rules applies to a request:

- its prompt: `fault:stall`, or in turn for this prompt `fault:503_json,503_json,ok` (then the last one each time);
- `gateway.when("text", "429_none", "ok")`: the same for prompts with this text;
- `gateway.script("503_json", "ok")`: the next paid requests, one each;
- `gateway.rules.chance("stall", 0.05)`: drawn from the seed.

An invalid request (a bad size, no key) gets the error of the API instead.

`refuse`, `tls_garbage` and `bad_certificate` prevent a request: `gateway.origin_for("refuse")` is the origin that has
the fault, and within `gateway.refusing()` the port of every dialect refuses connections. `reset_before` from a script
resets the connection as it is accepted; from a prompt the request must be read first. Either way nothing is billed,
and the client cannot know that.

The gateways of gemini and openai have batches, at half the price. A job has the faults of `batches.BATCH_FAULTS` that
its prompts name (`a cat batch:missing,out_of_order`), or that `gateway.script_batches("openai", "reply_lost")` gave for
the next one. Its lines are billed when it is created: each is an entry of its own, with the path `batch:KEY`.

The ledger has an `Entry` for each request, written before the response: `ledger.requests` (for an image), `.billed`,
`.amount`, `.billed_by_prompt()`, `.fetches` (of images by URL), `.misdirected` (to another host), `.entries` (all). An
entry has the raw bytes of the request (`head` without the value of the key, `body`, `json`, `parts`), the requested
image, the digests of the references and of the images in the response, and whether the client was connected at the
last byte (call `gateway.settle()` first: a client may have its response before that is written). A complete request is
billed on receipt, except where docs/providers.md says that nothing is charged; "maybe" is charged.
"""

from __future__ import annotations

from reconciler.testing.gateway.custom_api import CustomApi
from reconciler.testing.gateway.launch import Gateway, Process, running, spawned
from reconciler.testing.gateway.ledger import Entry, Ledger
from reconciler.testing.gateway.parsed_request import ParsedRequest
from reconciler.testing.gateway.wire import Request

__all__ = ["CustomApi", "Entry", "Gateway", "Ledger", "ParsedRequest", "Process", "Request", "running", "spawned"]
