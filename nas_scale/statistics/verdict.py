"""Whether a proxy is worth its training: a sentence, and the rule behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nas_scale.statistics.agreement import LEAST_NETS, Agreement, advantage, kendall
from nas_scale.zero_cost.names import score_label

Kind = Literal["worth", "not apart", "worse", "blind", "too few"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """kind: what was found; sentence: for a person; rival: the zero-cost score that agreed best, None where none
    ordered anything; lead: how much better the proxy's tau is than the rival's, with its interval."""

    kind: Kind
    sentence: str
    rival: str | None
    lead: Agreement | None


def verdict(
    proxy: Sequence[float], cheap: Mapping[str, Sequence[float]], truth: Sequence[float], seed: int = 0
) -> Verdict:
    """Whether training nets of equal cost under a proxy orders them better than zero-cost scores do.

    proxy, truth: each net's accuracy under the proxy and under the longer recipe. cheap: each zero-cost score of the
    nets. All of nets of equal cost, in the same order.

    The rule, with 95% intervals of a bootstrap over the nets:
    - `too few`: fewer than LEAST_NETS nets: no interval, no answer.
    - `blind`: the proxy's tau is not above zero, or nothing is ordered at all: one recipe calls all nets alike.
    - else it is compared with the zero-cost score of the highest tau, by the difference of the two on the same
      resampled nets: `worth` where that is above zero, `worse` where it is below, `not apart` otherwise; the score is
      then recommended in the proxy's place where its own tau is above zero. That rival was picked from several for
      doing well on these very nets, which favours it: the proxy's lead is understated, if anything.
    """
    own = kendall(proxy, truth, seed)
    if own.n < LEAST_NETS:
        return Verdict("too few", f"too few nets of equal cost to tell ({own.n}): raise --nets", None, None)
    if own.low is None:
        return Verdict("blind", "cannot tell nets of equal cost apart (they all score alike)", None, None)
    best = _best(cheap, truth, seed)
    lead = None if best is None else advantage(proxy, cheap[best[0]], truth, seed)
    rival = None if best is None else best[0]
    if own.low <= 0:
        return Verdict("blind", f"cannot tell nets of equal cost apart ({shown(own)})", rival, lead)
    if best is None or lead is None or lead.low is None or lead.high is None:
        return Verdict("worth", f"worth using: it orders nets of equal cost ({shown(own)})", rival, lead)
    name, theirs = score_label(best[0]), best[1]
    figures = f"({shown(own)}, against {figure(theirs.tau)})"
    if lead.low > 0:
        sentence = f"worth using: it orders nets of equal cost better than {name} does {figures}"
        return Verdict("worth", sentence, rival, lead)
    if lead.high < 0:
        sentence = f"not worth using: {name} orders nets of equal cost better {figures}; use --screen {best[0]}"
        return Verdict("worse", sentence, rival, lead)
    if theirs.low is not None and theirs.low > 0:
        sentence = f"not told apart from {name} {figures}: use --screen {best[0]} and save the time"
    else:
        sentence = (
            f"it orders nets of equal cost ({shown(own)}), though not for certain better than {name} does "
            f"({shown(theirs)}): more --nets would tell"
        )
    return Verdict("not apart", sentence, rival, lead)


def _best(cheap: Mapping[str, Sequence[float]], truth: Sequence[float], seed: int) -> tuple[str, Agreement] | None:
    """The zero-cost score of the highest tau, the first of equals; None where none orders anything."""
    found = [(name, kendall(scores, truth, seed)) for name, scores in cheap.items()]
    ordered = [(name, agreement) for name, agreement in found if agreement.tau is not None]
    return max(ordered, key=lambda pair: pair[1].tau or 0.0, default=None)


def shown(agreement: Agreement) -> str:
    """`tau .62, .41 to .79`."""
    if agreement.low is None:
        return f"tau {figure(agreement.tau)}"
    return f"tau {figure(agreement.tau)}, {figure(agreement.low)} to {figure(agreement.high)}"


def figure(value: float | None) -> str:
    """`.62`, `-.10`, `1.00`; a dash for none."""
    if value is None:
        return "-"
    text = f"{value:.2f}"
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else text
