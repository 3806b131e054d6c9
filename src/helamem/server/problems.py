"""Errors as problem details (RFC 9457), from the one tree of exceptions."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from helamem import errors
from helamem.server import malformed

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
# The first matching class decides.
STATUSES: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (errors.NotFoundError, HTTPStatus.NOT_FOUND),
    (errors.ProviderError, HTTPStatus.BAD_GATEWAY),
    (errors.MissingExtraError, HTTPStatus.NOT_IMPLEMENTED),
    (errors.StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.ConfigError, HTTPStatus.NOT_IMPLEMENTED),
    (ValueError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TypeError, HTTPStatus.UNPROCESSABLE_ENTITY),
)


NO_ROUTE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
KNOWN = (errors.HelaMemError, ValueError, TypeError)  # errors raised on purpose


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    error: str = "",
    headers: dict[str, str] | None = None,
    **more: object,
) -> JSONResponse:
    """A problem response.

    Args:
        error: The name of the exception, for programs that tell errors apart.
        more: Further members, as JSON.
    """
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        **({"error": error} if error else {}),
        **more,
    }
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every exception with a problem; an unexpected one is logged, and its text is not shown."""
    for exception in KNOWN:
        app.add_exception_handler(exception, _on_known_error)
    app.add_exception_handler(HTTPException, _on_http_error)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _on_malformed_request)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, on_unexpected_error)


def described(error: Exception) -> tuple[HTTPStatus, dict[str, Any]]:
    """The status and the further members of a problem, by the exception."""
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    return status, {"detail": str(error), "error": _kind(error), **vars(error)}


def _kind(error: Exception) -> str:
    """The nearest exception class that a client can raise again."""
    known = {*vars(errors), "TypeError", "ValueError"}
    return next(each.__name__ for each in type(error).__mro__ if each.__name__ in known)


async def _on_known_error(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001  # FastAPI's signature
    status, members = described(error)
    return problem(status, **members)


async def _on_http_error(request: Request, error: HTTPException) -> JSONResponse:
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    detail = str(error.detail or status.phrase)
    if detail == status.phrase and status in NO_ROUTE:
        detail = f"There is no {request.method} {request.url.path:.200}; /docs lists what there is."
    return problem(status, detail, headers=headers)


async def _on_malformed_request(request: Request, error: RequestValidationError) -> JSONResponse:
    if isinstance(error.body, bytes) and not _is_json(request):
        detail = "Send the body as JSON, with the header `content-type: application/json`."
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, error="TypeError")
    wrong = error.errors()
    inner = [{**each, "loc": each["loc"][1:]} for each in wrong]
    listed = [
        {"at": "/".join(map(str, each["loc"])), "detail": malformed.fault(each)} for each in wrong
    ]
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        malformed.sentence(inner, _members(request)),
        error="TypeError" if _is_of_type(wrong[0]["type"]) else "ValueError",
        errors=listed,
    )


def _members(request: Request) -> list[str]:
    """The names that the body of this route takes."""
    body = request.scope["route"].body_field
    return [] if body is None else list(getattr(body.field_info.annotation, "model_fields", ()))


def _is_json(request: Request) -> bool:
    return "json" in request.headers.get("content-type", "")


def _is_of_type(kind: str) -> bool:
    """Whether a pydantic error is about a type, a missing or an unknown member."""
    return kind.endswith(("_type", "_parsing")) or kind in {"missing", "extra_forbidden"}


async def on_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    """Log an error, and answer without its text."""
    route = getattr(request.scope.get("route"), "path", "unknown")  # the path says whose memory
    logger.error("%s %s failed", request.method, route, exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The server failed; its log says why.",
        request_id=getattr(request.state, "request_id", ""),
    )
