"""What people may type, and what the line says that refuses it. Paths lie in the folder that `prepare` fills."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

SEARCH = "search --target-flops 400M"

CASES = {
    # the command line itself
    "frob": "No such command 'frob'",
    "search --target-flops": "requires an argument",
    "search --trails 3": "--trials",
    "family": "give a target, e.g. --target-flops 400M",
    "profile": "Missing argument 'NET",
    "show one two": "unexpected extra argument",
    "search --trials many": "--trials 'many' is not a whole number",
    "search --trials 1e99": "--trials 1e+99 must lie in",
    "search --trials 2.5": "--trials '2.5' is not a whole number",
    "search --tolerance lots": "--tolerance 'lots' is not a number",
    # numbers
    "search --target-flops 400Q": "--target-flops '400Q' is not a count",
    "search --target-flops 0": "--target-flops '0' is not a count above zero",
    "search --target-flops -5": "--target-flops '-5' is not a count",
    "search --target-flops NaN": "--target-flops 'NaN' is not a count",
    "search --target-flops inf": "--target-flops 'inf' is not a count",
    "search --target-flops 1e99": "must lie in 1 to 1e+18",
    "search --target-flops 1e999": "is not a count",
    "search --max-params 0.4": "--max-params '0.4' is less than one",
    "search --max-flops ''": "--max-flops '' is not a count",
    "search --max-memory 64Mi": "--max-memory '64Mi' is not an amount of memory; write it like 64MB, 1.5GB or 320KiB",
    "search --max-size 0.0001KiB": "--max-size '0.0001KiB' is less than one; write an amount of memory like 64MB",
    f"{SEARCH} --train-images ten": "--train-images 'ten' is not a count",
    f"{SEARCH} --tolerance 2": "--tolerance 2 must lie in",
    f"{SEARCH} --tolerance 0": "--tolerance 0 must lie in",
    f"{SEARCH} --tolerance nan": "--tolerance 'nan' is not a number",
    f"{SEARCH} --trials 0": "--trials 0 must lie in",
    f"{SEARCH} --trials -5": "--trials -5 must lie in",
    f"{SEARCH} --seeds 0": "--seeds 0 must lie in",
    f"{SEARCH} --seed -1": "--seed -1 must lie in",
    f"{SEARCH} --epochs 0": "--epochs 0 must lie in",
    f"{SEARCH} --batch 1": "--batch 1 must lie in",
    f"{SEARCH} --workers 0": "--workers 0 must lie in",
    f"{SEARCH} --slots 0": "--slots 0 must lie in 1 to 64",
    f"{SEARCH} --engine ray --device cuda:1": "cannot go with --engine ray, which chooses GPUs; use --device cuda",
    f"{SEARCH} --threads 0": "--threads 0 must lie in",
    f"{SEARCH} --window 0": "--window 0 must lie in",
    f"{SEARCH} --finalists -1": "--finalists -1 must lie in",
    f"{SEARCH} --final-seeds 0": "--final-seeds 0 must lie in",
    f"{SEARCH} --learning-rate inf": "--learning-rate 'inf' is not a number",
    f"{SEARCH} --learning-rate 0": "--learning-rate 0 must lie in",
    f"{SEARCH} --proxy-width 0": "--proxy-width 0 must lie in",
    f"{SEARCH} --proxy-resolution 2": "--proxy-resolution 2 must lie in",
    f"{SEARCH} --proxy-strides -1": "--proxy-strides -1 must lie in",
    f"{SEARCH} --resolution 0": "--resolution 0 must lie in",
    f"{SEARCH} --classes 1": "--classes 1 must lie in",
    f"{SEARCH} --reward-weight 0.07": "--reward-weight 0.07 must lie in",
    f"{SEARCH} --train-images 1": "--train-images 1 must lie in",
    "search --trials ４": "--trials '４' is not a whole number",
    "search --trials 1_000": "--trials '1_000' is not a whole number",
    "search --trials 0x10": "--trials '0x10' is not a whole number",
    f"search --trials {'9' * 400}": "is not a whole number",
    "search --target-flops ４００M": "--target-flops '４００M' is not a count",
    f"search --target-flops {'9' * 5000}": "is not a count",
    f"{SEARCH} --tolerance ٠.1": "--tolerance '٠.1' is not a number",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --phi ０..2": "--phi '０..2' is not understood",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --phi 0..1000000": "is not understood",
    f"expand --baseline efficientnet-b0 --coefficients {'1.2,' * 5000}": "are not three coefficients",
    f"expand --baseline efficientnet-b0 --coefficients efficientnet --targets {'200M,' * 9999}1G": "100 sizes at most",
    # options that have no effect together
    f"{SEARCH} --screen-pool 5": "--screen-pool needs --screen, which is none here",
    f"{SEARCH} --screen none --screen-pool 20": "--screen-pool needs --screen, which is none here",
    f"{SEARCH} --reduction 3": "--reduction needs --pruner, which is none here",
    f"{SEARCH} --finalists 0 --final-seeds 2": "--final-seeds needs --finalists, which is 0 here",
    f"{SEARCH} --device cpu --slots 2": "--slots 2 is for a GPU, and this trains on the cpu",
    "search --max-params 6M --tolerance 0.1": "--tolerance needs --target-flops or its like",
    "search --max-params 6M --reward hard": "--reward needs --target-flops or its like",
    "search --max-params 6M --reward-weight -1": "--reward-weight needs --target-flops or its like",
    "grid --baseline efficientnet-b0 --step 0.05": "--step needs --method cartesian, which is networks here",
    "grid --baseline efficientnet-b0 --device cpu --slots 2": "--slots 2 is for a GPU",
    "family --target-flops 400M --step 0.1": "--step needs --method cartesian",
    "family --target-flops 400M --screen-pool 3": "--screen-pool needs --screen",
    "certify --device cpu --slots 2": "--slots 2 is for a GPU",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --repeats ceil": "--repeats needs --rule paper",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --targets 1G --phi 0..7": "cannot go together",
    "latency show x --resolution 64": "--resolution needs [NET...], and has no effect without it",
    "show --all": "--all needs a run",
    "show x --json --svg a.svg": "--svg draws the table, of which --json has none",
    f"{SEARCH} --bytes-per-value 3": "--bytes-per-value 3 is no precision that is known; choose 4 (float32), 2",
    f"{SEARCH} --bytes-per-value 0": "--bytes-per-value 0 must lie in 1 to 4",
    "profile mobilenetv2 --bytes-per-value 3": "choose 4 (float32), 2 (float16) or 1 (int8)",
    "search --max-activation-memory 1KiB": "raise --max-activation-memory",
    # words
    f"{SEARCH} --space efficentnet": "did you mean efficientnet?",
    f"{SEARCH} --pruner median": "--pruner 'median' is not known; choose none, halving or hyperband",
    f"{SEARCH} --pruner halving --reduction 1": "--reduction 1 must lie in 2 to 100",
    f"{SEARCH} --pruner hyperband --epochs 2": "--pruner hyperband cannot stop trainings of 2 epochs after 1/3 of",
    f"{SEARCH} --log wandb": "--log 'wandb' is not known; choose none or tensorboard",
    f"{SEARCH} --sampler ..os:path": "--sampler ..os:path cannot be imported",
    f"{SEARCH} --sampler optuna.samplers:NSGAIIISampler --data ./no-such-folder": "there is no folder no-such-folder",
    f"{SEARCH} --sampler annealing": "--sampler 'annealing' is not known; choose predictor, local, tpe,",
    f"{SEARCH} --reward soften": "--reward 'soften' is not known",
    f"{SEARCH} --recipe slow": "--recipe 'slow' is not known",
    f"{SEARCH} --device tpu": "--device 'tpu' is not known",
    f"{SEARCH} --device cuda:x": "--device 'cuda:x' is not known",
    f"{SEARCH} --engine spark": "--engine 'spark' is not known; choose local or ray",
    f"{SEARCH} --storage nonsense": "'nonsense' is no database URL",
    f"{SEARCH} --device cpu --storage sqlite:////no/such/folder/x.db": "cannot open the study",
    f"{SEARCH} --storage study.db": "for an SQLite file write sqlite:///study.db",
    f"{SEARCH} --storage sqlite://": "is a database in memory, which is lost at the end; write sqlite:///study.db",
    f"{SEARCH} --storage sqlite:///:memory:": "is a database in memory",
    f"{SEARCH} --storage 'sqlite:///file::memory:?uri=true'": "is a database in memory",
    f"{SEARCH} --storage sqlite://study.db": "a file's URL has three slashes; write sqlite:///study.db",
    f"{SEARCH} --storage ''": "'' is no database URL",
    f"{SEARCH} --storage postgres://me@host/db": "is no SQL database that SQLAlchemy knows; write postgresql://",
    f"{SEARCH} --storage mysql://me@host/db": "pip install mysqlclient",
    f"{SEARCH} --storage redis://localhost": "redis:// is no SQL database that SQLAlchemy knows",
    f"{SEARCH} --storage postgresql://me:p@ss@host/db": "write %40 for @",
    f"{SEARCH} --storage 'postgresql://me:***@host/db'": "write the password there",
    # what is known, and time
    f"{SEARCH} --include ','": "--include ',' names no net",
    f"{SEARCH} --include efficientnet-b9": "--include there is no net 'efficientnet-b9'; did you mean efficientnet-b",
    f"{SEARCH} --include mobilenetv2": "mobilenetv2: its activation is relu6, where efficientnet offers swish",
    f"{SEARCH} --include efficientnet-b1": "--include efficientnet-b1: it has 570M FLOPs, where 400M FLOPs",
    f"{SEARCH} --include efficientnet-b0,mnasnet-a1 --tolerance 0.3 --trials 1": "names 2 nets, and --trials is 1",
    f"{SEARCH} --include search-009": "--include there is no net 'search-009'",
    f"{SEARCH} --warm-start search-009": "--warm-start: there is no run search-009 in results: it holds no runs",
    f"{SEARCH} --minutes 0": "--minutes 0 must lie in 0.01 to 1e+06",
    f"{SEARCH} --minutes nan": "--minutes 'nan' is not a number",
    f"{SEARCH} --minutes ten": "--minutes 'ten' is not a number",
    # budgets
    "search --target-flops 1M": "the nearest, ds_r1_k3_s1_c16",
    "search --max-params 10K": "raise --max-params",
    "search --target-flops 400M --max-params 1M": "no net of efficientnet",
    # images
    f"{SEARCH} --data cats": "is no data source and no folder",
    f"{SEARCH} --data ./no-such-folder": "there is no folder no-such-folder",
    f"{SEARCH} --data ./file.txt": "is a file, not a folder",
    f"{SEARCH} --data ./empty": "holds no folders with images",
    f"{SEARCH} --data ./broken": "broken/a/1.png",
    f"{SEARCH} --data ./one-class": "one class only",
    f"{SEARCH} --data ./no-val": "has train/ but no val/",
    f"{SEARCH} --data ./folds": "fold1/ and fold2/ in folds all hold the same folders (a/, b/)",
    f"{SEARCH} --data ./two-trains": "Train/ and training/ in two-trains could each be the training images",
    f"{SEARCH} --data ./flat": "flat/train holds 2 images but no folders of classes",
    f"{SEARCH} --data scenes:blurred": "scenes",
    f"{SEARCH} --data cifar10:./empty": "cifar10",
    f"{SEARCH} --data digits --train-images 5": "5 train images cannot hold 10 classes",
    # files of spaces and nets
    f"{SEARCH} --space ./missing.yaml": "missing.yaml",
    f"{SEARCH} --space ./typo.yaml": "typo.yaml:3:",
    f"{SEARCH} --space ./empty.yaml": "empty.yaml",
    f"{SEARCH} --space ./binary.yaml": "binary.yaml",
    f"{SEARCH} --space ./closed.yaml": "nothing is left open",
    f"{SEARCH} --space ./boom.yaml": "boom.yaml:3:3: 74,690 ways to fill a stage are too many",
    "profile ./typo.yaml": "typo.yaml:3:",
    "profile ./pipe.yaml": "cannot read pipe.yaml: it is a pipe",
    "profile /dev/zero": "cannot read /dev/zero: it is a device",
    "profile ./utf16.yaml": "utf16.yaml: it is UTF-16; save it as UTF-8",
    "profile ./digits.yaml": "digits.yaml:1:7: stem is '３２'; it must be a whole number",
    "profile ./deep.yaml": "3072000 blocks are too many for a net",
    "profile ./wide.yaml --check": "is too large to be built here",
    "profile ./wide.yaml --latency": "is too large to be built here",
    "latency fit ./pipe.yaml --name x": "cannot read pipe.yaml: it is a pipe",
    "latency fit /dev/zero --name x": "cannot read /dev/zero: it is a device",
    "profile ./space.yaml": "leaves kernel open",
    "profile efficientnet-b9": "did you mean",
    "profile efficientnet-b0 --resolution 0": "--resolution 0 must lie in",
    "profile ''": "there is no net ''",
    "profile mobilenetv2 --runtime onnxruntime": "--runtime is for measuring; add --latency, or leave it out",
    "profile mobilenetv2 --latency --batch 0": "--batch 0 must lie in 1 to 65536",
    "profile mobilenetv2 --latency --device tpu": "--device 'tpu' is not known; choose cpu or cuda",
    "profile mobilenetv2 --latency --runtime tflite": "--runtime 'tflite' is not known; choose eager, compile or onnx",
    "profile mobilenetv2 --latency --precision int4": "--precision 'int4' is not known; choose fp32, bf16 or fp16",
    "profile mobilenetv2 --latency --threads 1000": "--threads 1000 is more than the",
    "profile mobilenetv2 --latency --runtime onnxruntime --precision bf16": "onnxruntime has no bfloat16 convolutions",
    "profile mobilenetv2 --latency --runtime onnxruntime --precision fp16": "onnxruntime computes in float32 on a CPU",
    "profile mobilenetv9 --latency": "did you mean mobilenetv2?",
    "spaces nowhere": "there is no space 'nowhere'",
    # runs
    "show nope": "there is no run nope",
    "show ../..": "there is no run ../..",
    "show --results ./file.txt": "file.txt is a file",
    f"show --results {'y' * 300}": "yyy: File name too long; choose another path",
    "show ~nosuchuser": "there is no run ~nosuchuser",
    f"{SEARCH} --data ~nosuchuser": "there is no folder ~nosuchuser",
    f"{SEARCH} --device cpu --results {'y' * 300}": "yyy: File name too long",
    f"show {'x' * 300}": "there is no run",
    "profile results/nope": "there is no run 'results/nope'",
    "profile results/nope:3": "there is no run 'results/nope:3'",
    f"{SEARCH} --device cpu --run a/b": "'a/b' cannot name a run",
    f"{SEARCH} --device cpu --run ../x": "'../x' cannot name a run",
    f"{SEARCH} --device cpu --run -x": "cannot name a run",
    f"{SEARCH} --device cpu --run ''": "cannot name a run",
    f"{SEARCH} --device cpu --resume": "there is no search run to resume",
    f"{SEARCH} --device cpu --run x --resume": "there is no run results/x to resume",
    f"{SEARCH} --results ./file.txt": "--results file.txt is a file",
    f"{SEARCH} --device cpu --results ./file.txt/deeper": "file.txt/deeper",
    f"{SEARCH} --device cpu --results /proc/nas-scale": "cannot make the folder /proc/nas-scale",
    f"{SEARCH} --screen magic": "--screen 'magic' is not known; choose none, activation_memory, activations, ",
    f"{SEARCH} --screen naswot --screen-pool 0": "--screen-pool 0 must lie in",
    # several objectives
    "search --objective flops": "--objective flops has to begin with accuracy; write --objective accuracy,flops",
    "search --objective accuracy,latency": "'latency' is of a device; write latency@DEVICE (nas-scale latency list)",
    "search --objective accuracy,flops,flops": "names an objective twice",
    "search --objective accuracy,flops --sampler tpe": "whose reward it then follows, or --sampler nsga2",
    "search --objective accuracy,flops --pruner halving": "--pruner halving compares trials by one value",
    "show --pareto": "--pareto needs a run, e.g. nas-scale show search-001 --pareto",
    "show --plot front.png": "--plot needs a run, e.g. nas-scale show search-001 --plot front.png",
    "show --objective accuracy,params": "--objective needs a run",
    "show x --csv --json": "--csv cannot go with --json; ask for one form at a time",
    "show x --csv --svg x.svg": "--csv cannot go with --svg; ask for one form at a time",
    "show x --csv --plot x.png": "--csv cannot go with --plot; ask for one form at a time",
    "show --csv --pareto": "--pareto needs a run",
    "show nope --csv": "there is no run nope",
    "profile mobilenetv2 --csv --json": "--csv cannot go with --json; ask for one form at a time",
    # devices
    "search --target-latency 5ms": "--target-latency '5ms' names no device; write it like 5ms@mycpu",
    "search --target-latency 5ms@nope": "there is no device 'nope' in results/devices (there is none yet); make it",
    "search --max-latency 5ms@../x": "'../x' cannot be a device's name",
    "search --objective accuracy,latency@nope": "there is no device 'nope'",
    "grid --baseline efficientnet-b0 --scale-by latency@nope": "there is no device 'nope'",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --targets 5ms@nope": "there is no device 'nope'",
    "latency frob": "No such command 'frob'",
    "latency build": "Missing option '--name'",
    "latency build --name ../x": "'../x' cannot be a device's name",
    "latency build --name x --minutes 0": "--minutes 0 must lie in 0.2 to 1440",
    "latency build --name x --device tpu": "--device 'tpu' is not known; choose cpu or cuda",
    "latency build --name x --space nowhere": "there is no space 'nowhere'",
    "latency build --name x --threads 1000": "--threads 1000 is more than the",
    "latency fit ./missing.csv --name x": "cannot read missing.csv: No such file",
    "latency fit ./file.txt --name x": "file.txt has no column `net`",
    "latency show nope": "there is no device 'nope'",
    "latency check nope": "there is no device 'nope'",
    # certify
    "certify --nets 3": "--nets 3 must lie in",
    "certify --seeds 1": "--seeds 1 does not show how much seeds differ",
    "certify --longer 1": "the longer recipe is the proxy itself",
    "certify --longer nan": "--longer 'nan' is not a number",
    "certify --longer-width 0": "--longer-width 0 must lie in",
    "certify --target-flops 1M": "no net of efficientnet has 1M FLOPs",
    "certify --target-flops 400Q": "--target-flops '400Q' is not a count",
    "certify --data ./empty": "holds no folders with images",
    "certify --device cpu --resume": "there is no certify run to resume",
    # grids
    "grid": "there is no finished search in results",
    "grid --baseline efficientnet-b0 --phi 0": "--phi 0 must lie in",
    "grid --baseline efficientnet-b0 --phi nan": "--phi 'nan' is not a number",
    "grid --baseline efficientnet-b0 --method random": "--method 'random' is not known",
    "grid --baseline efficientnet-b0 --count 1": "--count 1 must lie in",
    "grid --baseline efficientnet-b0 --method cartesian --step 0": "--step 0 must lie in",
    "grid --baseline efficientnet-b0 --tolerance 2": "--tolerance 2 must lie in",
    "grid --baseline efficientnet-b0 --device cpu --resume": "there is no grid run to resume",
    # families
    "expand": "there is no fit in results",
    "expand --baseline efficientnet-b0 --coefficients nonsense": "'nonsense' is no rule",
    "expand --baseline efficientnet-b0 --coefficients 1.2,1.1": "1.2,1.1",
    "expand --baseline efficientnet-b0 --coefficients 1.2,nan,1.1": "'1.2,nan,1.1' are not three coefficients",
    "expand --baseline efficientnet-b0 --coefficients 0.5,1.1,1.1": "0.5",
    "expand --baseline efficientnet-b0 --coefficients results/nope": "there is no run 'results/nope'",
    "expand --coefficients efficientnet": "there is no finished search in results",
    "expand --baseline b0 --coefficients efficientnet": "there is no net 'b0'",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --phi nonsense": "'nonsense' is not understood",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --phi 0..99": "must lie in 0 to",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --phi 3..1": "--phi '3..1' is not understood",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --phi 1e99": "must lie in 0 to",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --phi -1": "--phi -1 must lie in",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --phi ''": "--phi '' is not understood",
    "expand --baseline efficientnet-b0 --coefficients efficientnet --rule thumb": "--rule 'thumb' is not known",
    "expand --baseline mobilenetv2 --coefficients depth --rule paper --repeats up": "--repeats 'up' is not known",
    "family --target-flops 1M": "no net of efficientnet",
    "family --target-flops 400M --count 1": "--count 1 must lie in",
    "family --target-flops 400M --grid-seeds 0": "--grid-seeds 0 must lie in",
    "family --target-flops 400M --rule thumb": "--rule 'thumb' is not known",
}  # fmt: skip


def prepare(folder: Path) -> None:
    """The files that the cases name."""
    (folder / "file.txt").write_text("a file in the way\n")
    (folder / "typo.yaml").write_text("stem: 32\nstages: |\n  ir_r2_k3_s2_e6_q24\n")
    (folder / "empty.yaml").write_text("")
    (folder / "binary.yaml").write_bytes(b"\x00\xff\xfe\x80" * 10)
    (folder / "closed.yaml").write_text("stages: |\n  ir_r2_k3_s2_e6_c24\n")
    (folder / "space.yaml").write_text("stages: |\n  ir_r2_k{3,5}_s2_e6_c24\n")
    (folder / "utf16.yaml").write_text("stem: 32", encoding="utf-16")
    (folder / "digits.yaml").write_text("stem: ３２\nstages: |\n  ds_c16\n", encoding="utf-8")
    (folder / "deep.yaml").write_text("stages: |\n" + "  ir_r1024_c16\n" * 3000)
    (folder / "wide.yaml").write_text("stem: 65536\nresolution: 8192\nstages: |\n  ir_r1000_k15_e32_c65536\n")
    many = ",".join(str(8 * each) for each in range(1, 12))
    repeats = ",".join(str(each) for each in range(1, 971))
    (folder / "boom.yaml").write_text(f"stages: |\n  ds_c16\n  ir_r{{{repeats}}}_k{{3,5,7,9,11,13,15}}_c{{{many}}}\n")
    os.mkfifo(folder / "pipe.yaml")
    (folder / "empty").mkdir()
    images = ["broken/a", "broken/b", "one-class/a", "no-val/train/a", "no-val/train/b", "flat/train", "flat/val"]
    images += ["folds/fold1/a", "folds/fold1/b", "folds/fold2/a", "folds/fold2/b"]
    images += ["two-trains/Train/a", "two-trains/training/a", "two-trains/val/a"]
    for name in images:
        (folder / name).mkdir(parents=True)
        for image in ("1.png", "2.png"):
            (folder / name / image).write_bytes(b"no image" if name.startswith("broken") else _PIXEL)


def words(case: str) -> list[str]:
    """A case as arguments."""
    return shlex.split(case)


_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301"
    "0100c9fe92ef0000000049454e44ae426082"
)
