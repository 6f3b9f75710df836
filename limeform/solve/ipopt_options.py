"""Options of Ipopt: checked, ordered, and each of the type that Ipopt declares for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from limeform.errors import OptionError

OptionValue = str | int | float | bool

INTEGERS = frozenset(
    [
        "accept_after_max_steps",
        "acceptable_iter",
        "adaptive_mu_kkterror_red_iters",
        "derivative_test_first_index",
        "file_print_level",
        "filter_reset_trigger",
        "limited_memory_max_history",
        "limited_memory_max_skipping",
        "ma57_block_size",
        "ma57_node_amalgamation",
        "ma57_pivot_order",
        "ma57_small_pivot_flag",
        "max_filter_resets",
        "max_iter",
        "max_refinement_steps",
        "max_resto_iter",
        "max_soc",
        "max_soft_resto_iters",
        "min_refinement_steps",
        "mumps_mem_percent",
        "mumps_permuting_scaling",
        "mumps_pivot_order",
        "mumps_print_level",
        "mumps_scaling",
        "num_linear_variables",
        "print_frequency_iter",
        "print_level",
        "quality_function_max_section_steps",
        "watchdog_shortened_iter_trigger",
        "watchdog_trial_iter_max",
    ]
)
"""Options that Ipopt declares as integers; all its other numbers are reals."""

ARGUMENTS = frozenset({"tol", "max_iter"})
"""Options that are arguments of the solver itself."""


def text_pairs(
    options: Mapping[str, OptionValue] | Iterable[tuple[str, OptionValue]],
) -> tuple[tuple[str, OptionValue], ...]:
    """Return options as pairs sorted by name.

    Raises
    ------
    OptionError
        Where a name is no text, a value is neither text nor a number, or an argument of the solver stands among them.
    """
    pairs = dict(options)
    for name, value in pairs.items():
        if not isinstance(name, str):
            raise OptionError(f"names of Ipopt's options are text, found {name!r}")
        if name in ARGUMENTS:
            raise OptionError(f"{name!r} is an argument of its own: write Ipopt({name}={value!r})")
        if not isinstance(value, str | int | float):
            raise OptionError(f"Ipopt's option {name!r} has to be text or a number, found {value!r}")
    return tuple(sorted(pairs.items()))


def set_option(ipopt: Any, name: str, value: OptionValue) -> None:
    """Set an option of a cyipopt problem, as text, integer or real, whichever Ipopt declares.

    Raises
    ------
    OptionError
        Where Ipopt does not know the option or refuses the value.
    """
    try:
        ipopt.add_option(name, declared_type(name, value))
    except (TypeError, OverflowError):
        raise OptionError(f"Ipopt has no option {name!r}, or does not take the value {value!r} for it") from None


def declared_type(name: str, value: OptionValue) -> str | int | float:
    """Return the value as the type that Ipopt declares for the option: it takes 1.0 for no integer, 1 for no real.

    Examples
    --------
    >>> declared_type("print_level", 5.0), declared_type("mu_init", 1), declared_type("sb", True)
    (5, 1.0, 'yes')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name not in INTEGERS:
        return float(value)
    if int(value) != value:
        raise OptionError(f"Ipopt's option {name!r} takes a whole number, found {value!r}")
    return int(value)
