"""A refusal is an answer: every error here carries the status, headers and body that GitHub would send."""

from __future__ import annotations

from typing import Any

DOCS = "https://docs.github.com/rest"


class Refusal(Exception):
    """An answer that is not a success. ``errors`` is GitHub's list of field problems, absent when empty."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.errors = errors or []
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON body: message, documentation_url, status, and errors where there are any."""
        said: dict[str, Any] = {"message": self.message}
        if self.errors:
            said["errors"] = self.errors
        return said | {"documentation_url": DOCS, "status": str(self.status)}


def not_found(message: str = "Not Found") -> Refusal:
    """404: it is not there, or the token may not know that it is."""
    return Refusal(404, message)


def not_accessible() -> Refusal:
    """403 in the words that a GitHub App sees when a permission is missing."""
    return Refusal(403, "Resource not accessible by integration")


def invalid(resource: str, field: str, code: str, message: str = "") -> Refusal:
    """422 with one field error; ``code`` is one of missing, missing_field, invalid, already_exists, custom."""
    problem: dict[str, Any] = {"resource": resource, "field": field, "code": code}
    if message:
        problem["message"] = message
    return Refusal(422, "Validation Failed", errors=[problem])


def custom(resource: str, message: str) -> Refusal:
    """422 with a sentence instead of a field."""
    return Refusal(422, "Validation Failed", errors=[{"resource": resource, "code": "custom", "message": message}])


def unprocessable(message: str) -> Refusal:
    """422 with a plain message, as the git data endpoints answer."""
    return Refusal(422, message)
