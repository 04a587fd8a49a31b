"""Any sampler of Optuna's kind by its dotted name, `package.module:Class`, made to keep the limits."""

from __future__ import annotations

import importlib
import inspect
import warnings

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler

from nas_scale.architecture.space import SearchSpace
from nas_scale.errors import UserError
from nas_scale.metrics.limits import Limits
from nas_scale.samplers.base import numpy_seed
from nas_scale.samplers.within import Within


def imported_sampler(name: str, space: SearchSpace, limits: Limits, seed: int) -> Within:
    """The sampler of this name, whose draws are repaired into the limits.

    A search makes a fresh one for every trial, so what it learns has to come from the study alone. Raises UserError as
    `constructed` does.
    """
    return Within(constructed(name, seed), space, limits, seed)


def constructed(name: str, seed: int) -> BaseSampler:
    """The sampler that `package.module:Class` names, made with `seed` where it takes one.

    Raises UserError where there is no such class, it is no sampler, needs further arguments, or its code fails.
    """
    module, _, attribute = name.partition(":")
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except (
        Exception,
        SystemExit,
    ) as error:  # the module's code is not ours: it may raise anything, and end the process
        raise UserError(f"--sampler {name} cannot be imported ({_said(error)}); write package.module:Class") from error
    if not (inspect.isclass(kind) and issubclass(kind, BaseSampler)):
        raise UserError(f"--sampler {name} is no class that extends optuna.samplers.BaseSampler")
    seeded = {"seed": numpy_seed(seed)} if "seed" in inspect.signature(kind).parameters else {}
    try:
        with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):  # whoever names one knows
            return kind(**seeded)
    except TypeError as error:
        raise UserError(f"--sampler {name} cannot be made without arguments ({error}); give them defaults") from error
    except (Exception, SystemExit) as error:
        raise UserError(f"--sampler {name} cannot be made ({_said(error)}); mend the class") from error


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {error}"
