"""Errors as problem details (RFC 9457), from the one tree of exceptions."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from helamem import errors

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
# The first that an exception is an instance of decides.
STATUSES: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (errors.NotFoundError, HTTPStatus.NOT_FOUND),
    (errors.ProviderError, HTTPStatus.BAD_GATEWAY),
    (errors.MissingExtraError, HTTPStatus.NOT_IMPLEMENTED),
    (errors.StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.ConfigError, HTTPStatus.NOT_IMPLEMENTED),
    (ValueError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TypeError, HTTPStatus.UNPROCESSABLE_ENTITY),
)


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    error: str = "",
    headers: dict[str, str] | None = None,
    **more: object,
) -> JSONResponse:
    """A response that says what went wrong.

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
    """Answer every exception with a problem; only the unexpected is logged, and not told."""
    for exception in (errors.HelaMemError, ValueError, TypeError):
        app.add_exception_handler(exception, _known)
    app.add_exception_handler(HTTPException, _refused)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _malformed)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _unexpected)


async def _known(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001  # FastAPI's signature
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    more: dict[str, Any] = {}
    if isinstance(error, errors.NotFoundError):
        more = {"kind": error.kind, "id": error.id}
    if isinstance(error, errors.ProviderError):
        more = {"retryable": error.retryable}
    return problem(status, str(error), error=type(error).__name__, **more)


async def _refused(request: Request, error: HTTPException) -> JSONResponse:  # noqa: ARG001
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    return problem(status, str(error.detail or status.phrase), headers=headers)


async def _malformed(request: Request, error: RequestValidationError) -> JSONResponse:  # noqa: ARG001
    wrong = [
        {"at": "/".join(map(str, each["loc"])), "detail": str(each["msg"])}
        for each in error.errors()
    ]
    first = f"{wrong[0]['at']}: {wrong[0]['detail']}" if wrong else "the request is malformed"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, first, errors=wrong)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The server failed; its log says why.",
        request_id=getattr(request.state, "request_id", ""),
    )
