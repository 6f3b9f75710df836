"""What a formula says, as frozen values: the response, the fixed part, offsets and random terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Covariance = Literal["unstructured", "diagonal"]


@dataclass(frozen=True)
class RandomTerm:
    """
    Effects that vary between the levels of one grouping factor.

    Attributes
    ----------
    effects : str
        The effects as a formulaic right-hand side whose intercept is always written out: ``"1 + x"`` with
        one, ``"0 + x"`` without.
    groups : tuple of str
        The factors whose interaction is the grouping factor: ``("a",)``, or ``("a", "b")`` for ``a:b``.
    covariance : {"unstructured", "diagonal"}
        ``|`` gives the effects of one level any covariance matrix, ``||`` a diagonal one.
    span : tuple of int
        The term was written in ``text[start:stop]`` of the formula. Not part of a comparison.

    Examples
    --------
    >>> print(RandomTerm("1 + x", ("a", "b"), "diagonal"))
    (1 + x || a:b)
    """

    effects: str
    groups: tuple[str, ...]
    covariance: Covariance = "unstructured"
    span: tuple[int, int] = field(default=(0, 0), compare=False)

    @property
    def label(self) -> str:
        """The grouping factor as it is written in a formula, such as ``"a:b"``."""
        return ":".join(self.groups)

    def __str__(self) -> str:
        """Return the term in the notation of lme4."""
        bar = "||" if self.covariance == "diagonal" else "|"
        return f"({self.effects} {bar} {self.label})"


@dataclass(frozen=True)
class NonlinearTerm:
    """
    A part of the mean that is not linear in its parameters.

    Attributes
    ----------
    kind : {"nl", "log_ratio"}
        An expression of parameters and columns, or the logarithm of a ratio of two values of a curve.
    text : str
        The expression inside ``nl(...)``, or the whole call of ``log_ratio``.
    span : tuple of int
        The term was written in ``text[start:stop]`` of the formula. Not part of a comparison.

    Examples
    --------
    >>> print(NonlinearTerm("nl", "A * exp(-k * time)"))
    nl(A * exp(-k * time))
    """

    kind: str
    text: str
    span: tuple[int, int] = field(default=(0, 0), compare=False)

    def __str__(self) -> str:
        """Return the term as it is written in a formula."""
        return f"nl({self.text})" if self.kind == "nl" else self.text


@dataclass(frozen=True)
class ModelFormula:
    """
    A formula taken apart; printing it gives a formula that parses back to an equal value.

    Attributes
    ----------
    response : str
        The expression left of ``~``.
    fixed : str
        The fixed part as a formulaic right-hand side, without random terms and offsets. Its intercept is
        implicit, as the user wrote it; ``"1"`` when there was nothing else.
    offsets : tuple of str
        The expressions inside ``offset(...)``, in Python.
    random : tuple of RandomTerm
        The random terms in the order of the text; ``(1 | a/b)`` has become two.
    nonlinear : tuple of NonlinearTerm
        The nonlinear terms; beside them the fixed part has no implicit intercept.
    text : str
        The formula as typed. Not part of a comparison.

    Examples
    --------
    >>> print(ModelFormula("y", "x", ("log(n)",), (RandomTerm("1", ("g",)),)))
    y ~ x + offset(log(n)) + (1 | g)
    """

    response: str
    fixed: str
    offsets: tuple[str, ...] = ()
    random: tuple[RandomTerm, ...] = ()
    text: str = field(default="", compare=False)
    nonlinear: tuple[NonlinearTerm, ...] = ()

    def __str__(self) -> str:
        """Return a formula with the same meaning, one space around each sign."""
        pieces = [
            self.fixed,
            *map(str, self.nonlinear),
            *(f"offset({offset})" for offset in self.offsets),
            *map(str, self.random),
        ]
        return f"{self.response} ~ {' + '.join(pieces)}"
