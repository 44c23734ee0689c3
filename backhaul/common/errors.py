"""Refusals: what the system says when it will not do something, with what the user can do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar


class Refusal(Exception):
    """A clear "no" that a user can act on. Subclasses set `code`, stable, and live beside what raises them.

    `message` is a whole English sentence, in which `facts` stand as %(name)s; it is said in the language of whoever is
    served (`scripts/messages` collects the sentences of every subclass). `field` names the input that the message is
    about, if it is about one; `step` the part of a long act that refused.
    """

    code: ClassVar[str] = "refused"
    step: str = ""
    translated: ClassVar[Callable[[str], str]] = staticmethod(str)  # into the reader's language: web/apps.py
    written: ClassVar[Callable[[Any], Any]] = staticmethod(lambda value: value)  # a fact, as the reader writes it
    _by_code: ClassVar[dict[str, type[Refusal]]] = {}

    def __init__(self, message: str, *, field: str | None = None, **facts: Any) -> None:
        said = Refusal.translated(message) if message else ""
        self.message = said % {name: Refusal.written(fact) for name, fact in facts.items()} if facts else said
        super().__init__(self.message)
        self.field = field

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        known = Refusal._by_code.setdefault(cls.code, cls)
        assert known is cls or cls.code == known.code == "refused", f"refusal code {cls.code} is used twice"

    @staticmethod
    def from_database(code: str, message: str) -> Refusal:
        """The refusal that an SQL function raised (SQLSTATE BH001, its code in DETAIL)."""
        return Refusal._by_code.get(code, Refusal)(message)


@contextmanager
def in_step(step: str) -> Iterator[None]:
    """A refusal raised inside says that it came from this part of a long act."""
    try:
        yield
    except Refusal as refusal:
        refusal.step = refusal.step or step
        raise


class NotFound(Refusal):
    """There is no such thing in the acting operator's view; never says whether another operator has it."""

    code = "not_found"


class NotAllowed(Refusal):
    """The person's role does not include the action (SPEC A36)."""

    code = "not_allowed"


class InvalidInput(Refusal):
    """A value the user gave cannot be used as it is."""

    code = "invalid_input"


class KeyReused(Refusal):
    """The form was sent before with other figures."""

    code = "key_reused"


class AlreadyReversed(Refusal):
    """What is to be taken back was taken back before."""

    code = "already_reversed"
