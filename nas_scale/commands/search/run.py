"""From a budget to a ranking: propose nets inside the limits, train each as a proxy, train the best again, rank."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nas_scale.architecture.files import net_from_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.certificates import certificate_line
from nas_scale.commands.search.document import best_line, header, images_line, search_document
from nas_scale.commands.search.evaluate import Evaluate, Evaluator
from nas_scale.commands.search.included import included_line
from nas_scale.commands.search.minutes import deadline
from nas_scale.commands.search.prepare import Prepared, prepare
from nas_scale.commands.search.warm_start import inside, taken, warm_start_line
from nas_scale.commands.search.work import SearchWork
from nas_scale.commands.shared.events import Listener, Note, ignore
from nas_scale.commands.shared.opening import logged, opened
from nas_scale.commands.shared.workers import training_engine
from nas_scale.engines.base import Engine
from nas_scale.engines.inline import InlineEngine
from nas_scale.runs.results import read_document, write_document
from nas_scale.statistics.ranking import Ranking
from nas_scale.training import data


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A ranking, the best first, the run that holds it, and the document that was saved."""

    ranking: Ranking
    run: str
    folder: str
    document: Mapping[str, Any]

    @property
    def best(self) -> Architecture:
        """The best net."""
        return self.nets[0]

    @property
    def nets(self) -> list[Architecture]:
        """All ranked nets, the best first."""
        ranked = [entry for entry in self.ranking.entries if entry.rank is not None]
        return [net_from_document(entry.net, f"{self.run}-{entry.rank}") for entry in ranked]

    @property
    def front(self) -> list[Architecture]:
        """Of a search of several aims the nets that no other beats in all of them, the cheapest first; else none."""
        by_rank = dict(enumerate(self.nets, start=1))
        return [by_rank[member["rank"]] for member in self.document.get("front", ())]


def search(*, evaluate: Evaluate | None = None, on_event: Listener = ignore, **options: Any) -> SearchResult:
    """Searches a space and returns the ranking.

    options: the fields of `Search`, `Training` and `RunSettings`, named as on the command line: search(
    target_flops=4e8, trials=8, results="runs", workers=2).
    evaluate: judges a net in this process instead of training a proxy; larger is better. What it raises, and what is
    not finite, fails that net alone. It is called once a seed, and no finalists are evaluated again unless asked for.
    on_event: told of every step (flows/events.py, runs/events.py).

    Raises UserError for wrong input, RunFailed where every net failed. After KeyboardInterrupt, or a kill, the same
    call with resume=True goes on.
    """
    return run_search(prepare(options, evaluate), on_event)


def run_search(prepared: Prepared, on_event: Listener) -> SearchResult:
    """Starts the search, goes on with it, or shows again what it found."""
    began = time.monotonic()
    with opened(prepared.settings, "search", prepared.spec(), on_event) as run:
        head = header(prepared.wanted, prepared.training, prepared.space, prepared.reference, prepared.evaluate is None)
        known = taken(run, prepared.sources, prepared.settings.storage)
        if known:
            ranked = inside(known, prepared.space, prepared.wanted.limits())
            head.append(warm_start_line(prepared.sources, len(ranked), len(known)))
        head += [included_line(prepared.included)] if prepared.included else []
        if prepared.evaluate is None and not run.record.finished:
            # Decoded here and once: an image that cannot be read is an error of the input, not of every net.
            images = data.load(prepared.training.images(prepared.training.proxy.resolution))
            head.append(images_line(images))
        if prepared.evaluate is None:
            space = prepared.wanted.space if isinstance(prepared.wanted.space, str) else prepared.space.name
            head.append(
                certificate_line(
                    prepared.settings.folder, prepared.training, prepared.reference, prepared.device, space
                )
            )
        for line in head:
            on_event(Note(line))
        with logged(prepared.settings, run, on_event) as listener, _engine(prepared) as engine:
            started = time.monotonic()
            until = deadline(prepared, run, engine.workers, len(known), began)
            work = SearchWork(prepared, run, engine, listener, known, until)
            ranking = work.ranking()
        if run.record.finished:
            return SearchResult(ranking, run.name, str(run.folder), read_document(run))
        seconds = time.monotonic() - started
        baseline = work.random_search(ranking)
        document = search_document(run, prepared, head, ranking, baseline, seconds, known, until)
        write_document(run, document)
        run.finish(document["trials"], best_line(ranking, document["objective"]))
    return SearchResult(ranking, run.name, str(run.folder), document)


def _engine(prepared: Prepared) -> Engine:
    if prepared.evaluate is None:
        return training_engine(prepared.settings, prepared.device, prepared.training.threads)
    return InlineEngine(Evaluator(prepared.evaluate))
