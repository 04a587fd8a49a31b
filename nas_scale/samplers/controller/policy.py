"""A recurrent policy over nets, token by token, and how it learns: proximal policy optimisation (Schulman et al. 2017).

What it has learned is a function of the batches in their order, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor, nn

HIDDEN: Final = 32
LEARNING_RATE: Final = 0.01
EPOCHS: Final = 8  # steps on one batch
CLIP: Final = 0.2  # how far a probability may move in them
ENTROPY: Final = 0.01
RECENT: Final = 5  # batches whose mean and spread a value is measured by

Code = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rollout:
    """A batch of nets that the policy proposed, as the option of every choice, with their rewards."""

    codes: tuple[Code, ...]
    values: tuple[float, ...]


class Policy(nn.Module):
    """Probabilities of the options of one choice after the other, each knowing those before; all alike at first.

    options: how many there are for every choice.
    """

    firsts: Tensor
    missing: Tensor

    def __init__(self, options: Sequence[int]) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.tokens = nn.Embedding(1 + sum(options), HIDDEN)
            self.memory = nn.LSTM(HIDDEN, HIDDEN, batch_first=True)
        self.weight = nn.Parameter(torch.zeros(len(options), HIDDEN, max(options)))
        self.bias = nn.Parameter(torch.zeros(len(options), max(options)))
        firsts = torch.tensor([1, *options[:-1]]).cumsum(0)
        self.register_buffer("firsts", firsts)  # token 0 begins a net, those of a choice follow one another
        missing = torch.arange(max(options)) >= torch.tensor(options)[:, None]
        self.register_buffer("missing", torch.zeros(missing.shape).masked_fill(missing, -torch.inf))

    def forward(self, codes: Tensor) -> Tensor:
        """Log-probabilities of every option where the choices before are those of the nets.

        codes: [nets, choices] -> [nets, choices, options], -inf for options that a choice has not.
        """
        tokens = torch.cat([torch.zeros_like(codes[:, :1]), (codes + self.firsts)[:, :-1]], dim=1)
        state, _ = self.memory(self.tokens(tokens))
        scores = torch.einsum("nch,cho->nco", state, self.weight) + self.bias + self.missing
        return scores.log_softmax(dim=-1)

    @torch.no_grad()
    def sample(self, uniforms: Tensor) -> Tensor:
        """uniforms: [nets, choices], in 0..1 -> codes: [nets, choices]."""
        nets, choices = uniforms.shape
        token = torch.zeros(nets, 1, dtype=torch.long)
        memory: tuple[Tensor, Tensor] | None = None
        codes = []
        for at in range(choices):
            state, memory = self.memory(self.tokens(token), memory)
            scores = state[:, 0] @ self.weight[at] + self.bias[at] + self.missing[at]
            below = scores.softmax(dim=-1).cumsum(dim=-1) <= uniforms[:, at, None]
            last = torch.isfinite(self.missing[at]).sum() - 1
            codes.append(torch.minimum(below.sum(dim=-1), last))  # a sum of probabilities may end just under 1
            token = (codes[-1] + self.firsts[at])[:, None]
        return torch.stack(codes, dim=1)


class Learner:
    """A policy that learns from batches; given those that it learned from and more, it goes on from there."""

    def __init__(self, options: Sequence[int]) -> None:
        self.options = tuple(options)
        self._begin()

    def _begin(self) -> None:
        self.policy = Policy(self.options)
        self._optimiser = torch.optim.Adam(self.policy.parameters(), LEARNING_RATE)
        self._learned: list[Rollout] = []

    def after(self, batches: Sequence[Rollout]) -> Policy:
        """The policy that has learned from these, one after the other."""
        if self._learned != list(batches[: len(self._learned)]):
            self._begin()
        for batch in batches[len(self._learned) :]:
            self._learned.append(batch)
            self._learn(batch)
        return self.policy

    def _learn(self, batch: Rollout) -> None:
        recent = torch.tensor(
            [value for rollout in self._learned[-RECENT:] for value in rollout.values], dtype=torch.float64
        )
        values = torch.tensor(batch.values, dtype=torch.float64)
        gain = ((values - recent.mean()) / recent.std().clamp(min=1e-12)).float()[:, None]
        codes = torch.tensor(batch.codes)
        before = self._taken(self.policy(codes), codes).detach()
        for _ in range(EPOCHS):
            scores = self.policy(codes)
            ratio = (self._taken(scores, codes) - before).exp()
            surrogate = torch.minimum(ratio * gain, ratio.clamp(1 - CLIP, 1 + CLIP) * gain).mean()
            entropy = -(scores.exp() * scores.clamp(min=-1e9)).sum(dim=-1).mean()
            self._optimiser.zero_grad()
            (-surrogate - ENTROPY * entropy).backward()
            self._optimiser.step()

    @staticmethod
    def _taken(scores: Tensor, codes: Tensor) -> Tensor:
        """[nets, choices]: log-probabilities of the options that the nets have."""
        return scores.gather(2, codes[:, :, None])[:, :, 0]


@lru_cache(maxsize=8)
def learner(options: tuple[int, ...]) -> Learner:
    """One for the process, so that samplers made afresh do not begin to learn afresh."""
    return Learner(options)
