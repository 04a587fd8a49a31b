"""What nets take on a device as the command line measures it: profiles side by side, and a device's table.

    python benchmarks/gpu_latency.py --device cuda --out OUT --scratch TMP

Each is a whole command of a process of its own; one that fails stops no other.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from gpu_rows import Options, keep, left, options_of, parser
from gpu_runs import COMMAND

NETS = ("efficientnet-b0", "mobilenetv2", "mobilenetv3-large", "mnasnet-a1", "efficientnet-lite0", "efficientnetv2-b0")
PROFILES = (("eager", "1", "fp32"), ("eager", "32", "bf16"))
COMPILED = ("compile", "32", "bf16")
COMPILING_SECONDS = 80  # left to the profile that compiles, of the first net alone


def said(options: Options, *arguments: str, seconds: float) -> dict[str, Any]:
    """What a command answered in JSON, or why it did not."""
    started = time.perf_counter()
    command = [*COMMAND, *arguments, "--device", options.device.partition(":")[0], "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=options.scratch, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no answer within {seconds:.0f} s"}
    wall = round(time.perf_counter() - started, 1)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1:], "wall_seconds": wall}
    return {**json.loads(done.stdout), "wall_seconds": wall}


def profile(options: Options, runtime: str, batch: str, precision: str) -> None:
    nets = NETS[:1] if runtime == "compile" else NETS[:2] if options.tiny else NETS
    under = ("--runtime", runtime, "--batch", batch, "--precision", precision)
    found = said(options, "profile", *nets, "--latency", *under, seconds=max(10.0, left() - 5))
    if "nets" in found:
        found["nets"] = [{key: net.get(key) for key in ("name", "resolution", "latency")} for net in found["nets"]]
    keep(profile=found, runtime=runtime, batch=batch, precision=precision)


def table(options: Options) -> None:
    minutes = 0.5 if options.tiny else max(0.5, min(2.0, (left() - COMPILING_SECONDS) / 60))
    under = () if options.tiny else ("--batch", "32", "--precision", "bf16")
    name = ("latency", "build", "--name", "table", "--minutes", f"{minutes:.2f}")
    found = said(options, *name, *under, seconds=max(10.0, left() - 5))
    if "device" in found:
        (options.out / "device_table.json").write_text(json.dumps(found["device"]))
        found["device"] = {key: value for key, value in found["device"].items() if key != "rows"}
    keep(table=found, minutes=round(minutes, 2))


def main() -> None:
    options = options_of(parser(__doc__).parse_args())
    for each in PROFILES[: 1 if options.tiny else None]:
        profile(options, *each)
    table(options)
    if not options.tiny:
        profile(options, *COMPILED)


if __name__ == "__main__":
    main()
