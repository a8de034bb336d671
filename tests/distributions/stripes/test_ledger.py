import httpx

from reconciler.testing.gateway import Gateway


def test_only_the_second_request_is_billed(gateway: Gateway) -> None:
    gateway.script("503_json", "ok")
    for _ in range(2):
        body = {"prompt": "a cat", "size": "64x64"}
        httpx.post(f"{gateway.url('local')}/v1/images/generations", json=body, trust_env=False)
    assert [entry.billed for entry in gateway.ledger.requests] == [False, True]
