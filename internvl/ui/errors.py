"""The one place where errors are caught for the page; `internvl.ui.cards` words them.

PageError     something the visitor can put right; its message is the sentence
"""

import functools
import inspect
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, overload

from internvl.chat import LimitError
from internvl.engines.base import EngineError
from internvl.preprocessing import AttachmentError

Handler = TypeVar("Handler", bound=Callable[..., Any])
log = logging.getLogger(__name__)


class PageError(ValueError):
    """Something the visitor can put right; the message says how, in the visitor's language.

    `step` names what the page offers to do about it (see `internvl.ui.cards`), if anything.
    """

    def __init__(self, message: str, step: str = "") -> None:
        super().__init__(message)
        self.step = step


EXPECTED = (PageError, LimitError, EngineError, AttachmentError)
"""Their messages are written for visitors."""


@overload
def friendly(handler: Handler) -> Handler: ...
@overload
def friendly(*, asks: bool) -> Callable[[Handler], Handler]: ...
def friendly(handler: Any = None, *, asks: bool = False) -> Any:
    """The handler, showing errors as a card instead of raising them.

    The handler's object has `recover(visitor, error, asked, given)`, the page's state after an
    error; `asked` is the name of a handler that asks the model, else nothing, `given` its values.
    """
    if handler is None:
        return functools.partial(friendly, asks=asks)

    asked = handler.__name__ if asks else ""
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def running(self: Any, visitor: Any, *values: Any, **options: Any) -> Iterator[Any]:
            try:
                yield from handler(self, visitor, *values, **options)
            except Exception as error:
                _log(error, handler)
                yield self.recover(visitor, error, asked, values)

        return running

    @functools.wraps(handler)
    def once(self: Any, visitor: Any, *values: Any) -> Any:
        try:
            return handler(self, visitor, *values)
        except Exception as error:
            _log(error, handler)
            return self.recover(visitor, error, asked, values)

    return once


def _log(error: Exception, handler: Callable[..., Any]) -> None:
    if not isinstance(error, EXPECTED):
        log.error("The page's handler %s failed", handler.__name__, exc_info=error)
