"""`python -m minimill.testing`: serve simulated vendors until interrupted, for other processes to use."""

import argparse
import json
import signal
import threading
from collections.abc import Sequence

from ._simulator import Simulator
from ._tokens import Length
from ._vendors import VENDORS


def main(argv: Sequence[str] | None = None) -> None:
    """Print the base URLs and the key as one JSON line, serve, and print the counts when told to stop."""
    options = _parser().parse_args(argv)
    length = Length.share(options.share) if options.share else options.tokens
    with Simulator(options.vendor or None, key=options.key, port=options.port, length=length) as simulator:
        print(json.dumps({"key": simulator.key, "base_urls": simulator.base_urls()}), flush=True)
        _wait_for_stop()
        print(json.dumps(_summary(simulator)), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m minimill.testing", description="Serve simulated vendors."
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument(
        "--vendor",
        action="append",
        choices=list(VENDORS),
        help="vendor to serve; may be repeated (default: all)",
    )
    parser.add_argument("--key", default="sim-key", help="the key that is accepted (default: sim-key)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--tokens", type=int, help="output tokens of every answer")
    length.add_argument(
        "--share", type=float, help="share of the output limit that every answer uses, 0 to 1"
    )
    return parser


def _wait_for_stop() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    stop.wait()


def _summary(simulator: Simulator) -> dict[str, int]:
    paid = simulator.paid_calls
    return {
        "calls": len(simulator.calls),
        "paid_calls": len(paid),
        "input_tokens": sum(record.input_tokens for record in paid),
        "output_tokens": sum(record.output_tokens for record in paid),
    }


if __name__ == "__main__":
    main()
