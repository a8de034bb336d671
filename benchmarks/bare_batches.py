"""A bare download of every batch's results, to a file each that is dropped: the least that the network needs.

`python -m benchmarks.bare_batches URL KEY`: the jobs of Google's list, one after the other, by httpx alone.
"""

from __future__ import annotations

import sys
import tempfile

import httpx


def main(url: str, key: str) -> None:
    headers = {"x-goog-api-key": key, "Accept-Encoding": "identity"}
    with httpx.Client(base_url=url, headers=headers, timeout=300, trust_env=False) as client:
        listed = client.get("/v1beta/batches?pageSize=1000").raise_for_status().json()["operations"]
        for name in (job["response"]["responsesFile"] for job in listed):
            with (
                tempfile.TemporaryFile() as file,
                client.stream("GET", f"/download/v1beta/{name}:download?alt=media") as answer,
            ):
                answer.raise_for_status()
                for chunk in answer.iter_raw():
                    file.write(chunk)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
