"""A worker for `type: command` that charges: it writes a line to a ledger for each image that it begins.

`--ledger FILE --seconds N`: an image takes so long, and is paid for from the beginning.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.workers.stripes_worker import png, say


def main() -> None:
    """Answer until there is no more input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ledger", required=True)
    parser.add_argument("--seconds", type=float, default=0)
    given = parser.parse_args()
    for line in sys.stdin:
        asked = json.loads(line)
        if "hello" in asked:
            say({"v": 1, "ready": {"name": "billing"}})
        elif "stop" in asked:
            break
        else:
            ledger = os.open(given.ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(ledger, f"{asked['asset']}\n".encode())
            os.close(ledger)
            time.sleep(given.seconds)
            Path(asked["out"]).write_bytes(png(asked["width"], asked["height"], asked["seed"]))
            say({"id": asked["id"], "done": {}})


if __name__ == "__main__":
    main()
