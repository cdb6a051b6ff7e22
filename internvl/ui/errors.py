"""The one place where errors become sentences on the page.

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
    """Something the visitor can put right; the message says how."""


EXPECTED = (PageError, LimitError, EngineError, AttachmentError)
"""Their messages are written for visitors."""


@overload
def friendly(handler: Handler) -> Handler: ...
@overload
def friendly(*, returns_question: bool) -> Callable[[Handler], Handler]: ...
def friendly(handler: Any = None, *, returns_question: bool = False) -> Any:
    """The handler, showing errors as a sentence instead of raising them.

    The handler's object has `recover(visitor, sentence, returns_question)`, the page's state after
    an error; the sentence is None for an error nobody expected.
    """
    if handler is None:
        return functools.partial(friendly, returns_question=returns_question)

    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def running(self: Any, visitor: Any, *values: Any) -> Iterator[Any]:
            try:
                yield from handler(self, visitor, *values)
            except Exception as error:
                yield self.recover(visitor, _sentence(error, handler), returns_question)

        return running

    @functools.wraps(handler)
    def once(self: Any, visitor: Any, *values: Any) -> Any:
        try:
            return handler(self, visitor, *values)
        except Exception as error:
            return self.recover(visitor, _sentence(error, handler), returns_question)

    return once


def _sentence(error: Exception, handler: Callable[..., Any]) -> str | None:
    if isinstance(error, EXPECTED):
        return str(error)
    log.error("The page's handler %s failed", handler.__name__, exc_info=error)
    return None
