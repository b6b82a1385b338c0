"""The console's files: a page that is served by the API itself, and asks nothing of any other host."""

from pathlib import Path

from aws_lambda_powertools.event_handler.api_gateway import Response

from darkroom.api.errors import not_found

FOLDER = Path(__file__).parents[1] / "console"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
_HEADERS = {
    # Pictures come from the bucket, by signed links; everything else from here.
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data: https: http://127.0.0.1:*; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def page(name: str) -> Response[str]:
    """One file of the console. Raises `ApiError` (404)."""
    known = {path.name: path for path in FOLDER.iterdir()}
    if name not in known or known[name].suffix not in _TYPES:
        raise not_found("There is nothing here.")
    return Response(200, _TYPES[known[name].suffix], known[name].read_text(encoding="utf-8"), dict(_HEADERS))
