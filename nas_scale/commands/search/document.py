"""A search's result as plain values: what `--json` prints, `show` reads and tables draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nas_scale.architecture.files import net_from_document
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.front import front_of
from nas_scale.commands.search.minutes import minutes_document
from nas_scale.commands.search.options import Search
from nas_scale.commands.search.prepare import Prepared
from nas_scale.commands.shared.net_lookup import net_key
from nas_scale.commands.shared.options import specification
from nas_scale.commands.shared.training import Jobs, Training
from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limit
from nas_scale.metrics.metric import FLOPS
from nas_scale.runs.store import Run
from nas_scale.statistics.random_baseline import RandomSearch
from nas_scale.statistics.ranking import RankedNet, Ranking
from nas_scale.training.data import Dataset
from nas_scale.training.proxy import given_up
from nas_scale.trials.deadline import Deadline
from nas_scale.trials.finished import finished_trials
from nas_scale.trials.known import Known
from nas_scale.trials.pruning import Pruner
from nas_scale.zero_cost.names import score_label


def header(wanted: Search, training: Training, space: SearchSpace, reference: Architecture, trained: bool) -> list[str]:
    """What is asked and what the proxy gives up, a sentence a line; `trained`: by proxies, not by a caller."""
    bounds = ", ".join(_bound(limit) for limit in wanted.limits().limits) or "no limit"
    line = f"space {space.name}, {bounds}; cost counted at {reference.resolution} px and {reference.classes} classes"
    if wanted.screen != "none":
        line += f"; each trial takes what {score_label(wanted.screen)} favours of {wanted.screen_pool} proposals"
    if len(wanted.aims) > 1:
        line += f"; aims: {' and '.join(wanted.aims)}, followed by {wanted.sampler}"
        line += "" if wanted.followed_costs else " through the reward"
    if not trained:
        return [line, "objective: your own evaluate(architecture)"]
    pruner = wanted.pruning(training.proxy.recipe.epochs)
    return [line, proxy_line(reference, training), *([pruner_line(pruner)] if pruner else [])]


def pruner_line(pruner: Pruner) -> str:
    """Where trainings may be stopped, and by whom they are judged."""
    epochs = " or ".join(str(epoch) for epoch in pruner.ladder)
    line = f"pruner {pruner.kind}: trainings are stopped after {epochs} of {pruner.epochs} epochs"
    whom = " of its bracket" if pruner.kind == "hyperband" else ""
    return f"{line} unless among the best 1/{pruner.reduction} of the nets{whom} told when they were proposed"


def proxy_line(reference: Architecture, training: Training) -> str:
    """What a proxy of the reference gives up, what it costs, and on which images it is trained."""
    share = cost(Jobs(training, reference, "cpu").small(reference)).flops / cost(reference).flops
    images = training.data if training.train_images is None else f"{training.data}, {training.train_images:,} to train"
    return f"proxy: {given_up(reference, training.proxy)}; {share:.1%} of the multiply-adds; images {images}"


def images_line(images: Dataset) -> str:
    """What the images are, and are not."""
    return f"images: {images.about}"


def _bound(limit: Limit) -> str:
    show, unit = limit.metric.show, limit.metric.unit
    if limit.least:
        return f"{show(limit.least)} to {show(limit.most)} {unit}"
    return f"at most {show(limit.most)} {unit}"


def best_line(ranking: Ranking, objective: str) -> str:
    """The best of a ranking in a few words."""
    best = ranking.entries[0]
    assert best.accuracy is not None
    assert best.stderr is not None
    spent = f"{FLOPS.show(best.costs[FLOPS.name])} {FLOPS.unit}"
    if objective != "proxy":
        return f"{best.accuracy:.4g} at {spent}"
    return f"{best.accuracy:.1%} +- {best.stderr:.1%} at {spent}"


def search_document(
    run: Run,
    prepared: Prepared,
    head: Sequence[str],
    ranking: Ranking,
    baseline: RandomSearch | None,
    seconds: float,
    known: Sequence[Known] = (),
    until: Deadline | None = None,
) -> dict[str, Any]:
    """The result as JSON values. objective: `proxy`, or the name of the caller's own function.

    A row's `included` is the name of a known net that was to be tried, its `from` the run that trained it where that
    was another. known: trials of other runs, which the study begins with. trials: this run's. minutes: how long it was
    to take and took. aims and front: where there are several aims (flows/front.py).
    """
    wanted, training = prepared.wanted, prepared.training
    names = {net.key: net.name for net in prepared.included}

    def row(entry: RankedNet) -> dict[str, Any]:
        origin = known[entry.trial].origin if entry.trial < len(known) else None
        return entry_document(entry) | {"included": names.get(net_key(net_from_document(entry.net))), "from": origin}

    target = wanted.target()
    document = {
        "kind": "search",
        "run": run.name,
        "folder": str(run.folder),
        "header": list(head),
        "objective": run.spec["objective"],
        "target_flops": None,
        **({} if target is None else {f"target_{target[0].name}": target[1]}),
        "seed_sd": ranking.seed_sd,
        "seed_freedom": ranking.freedom,
        "spread": ranking.spread,
        "random_search": None if baseline is None else asdict(baseline),
        "trials": len(finished_trials(run.study)) - len(known),
        "minutes": minutes_document(wanted.minutes, until),
        "seconds": round(seconds, 1),
        "training": specification(training),
        "pruner": {"kind": wanted.pruner, "reduction": wanted.reduction} if wanted.pruner != "none" else None,
        "ranking": [row(entry) for entry in ranking.entries],
    }
    if len(wanted.aims) > 1:
        document |= {"aims": list(wanted.aims)}
        document |= {"front": front_of(document).member_documents()}
    return document


_FIRST = ("rank", "place", "tied", "net")
_LAST = ("accuracy", "stderr", "seeds", "reward", "trial", "round", "state", "reason", "epochs")


def entry_document(entry: RankedNet) -> dict[str, Any]:
    """A row of a ranking as JSON values; search and final are the accuracies of each seed."""
    first, last = ({name: getattr(entry, name) for name in names} for names in (_FIRST, _LAST))
    return first | dict(entry.costs) | last | {"search": list(entry.search), "final": list(entry.final)}
