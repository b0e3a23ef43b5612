"""AWS API requests as operations with parameters, and answers in the protocol of the asked service."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from rehearsal.emulators.aws.model import input_members, service_model

SERVICES = ("ecr", "eks", "iam", "sts")
_TARGETS = {"AmazonEC2ContainerRegistry_V20150921": "ecr"}
_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


class ApiError(Exception):
    """An error that an API answers with: AWS's code, its message, the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it arrived. ``path`` is as sent, ``query`` without the question mark, header names in small letters."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One operation. ``parameters`` are members as the model names them; of the query protocol's lists and structures only the flat
    names. ``access_key`` is empty for an unsigned call."""

    service: str
    region: str
    operation: str
    parameters: Mapping[str, Any]
    access_key: str
    http: HttpRequest

    def text(self, name: str) -> str:
        return str(self.parameters.get(name) or "")

    @property
    def changes(self) -> bool:
        """Whether the operation changes anything, by the naming that all four services keep to."""
        return re.match(r"(Get|List|Describe|BatchGet|BatchCheck|Simulate|Generate|Assume)", self.operation) is None


def parse(http: HttpRequest, default_region: str) -> ApiCall:
    """Raises ApiError for a request that names no operation of a service that is here."""
    scope = _SCOPE.search(http.headers.get("authorization", ""))
    access_key, region, service = scope.groups() if scope else ("", default_region, "")
    target = http.headers.get("x-amz-target", "")
    if target:
        prefix, _, operation = target.partition(".")
        return ApiCall(_TARGETS.get(prefix, service), region, operation, _json(http.body), access_key, http)
    if http.headers.get("content-type", "").startswith("application/x-www-form-urlencoded") or "Action=" in http.query:
        form = dict(parse_qsl(http.body.decode() or http.query, keep_blank_values=True))
        operation = form.pop("Action", "")
        form.pop("Version", None)
        return ApiCall(service or "sts", region, operation, form, access_key, http)
    if service == "eks":
        return _rest(http, region, access_key)
    raise ApiError(
        "UnknownOperationException", f"{http.method} {http.path}: no operation of {', '.join(SERVICES)}", 404
    )


def render_error(call: ApiCall | None, fault: ApiError, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an error, as the service's protocol has it."""
    headers = {"x-amzn-requestid": request_id}
    if call is None or call.service in ("ecr", "eks"):
        headers |= {"content-type": "application/x-amz-json-1.1", "x-amzn-errortype": fault.code}
        return fault.status, headers, json.dumps({"__type": fault.code, "message": fault.message}).encode()
    headers["content-type"] = "text/xml"
    text = (
        f'<ErrorResponse xmlns="{_namespace(call.service)}"><Error><Type>Sender</Type><Code>{escape(fault.code)}</Code>'
        f"<Message>{escape(fault.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return fault.status, headers, text.encode()


def render(call: ApiCall, result: Mapping[str, Any], request_id: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a result; nested mappings become nested elements in the query protocol."""
    headers = {"x-amzn-requestid": request_id}
    if call.service in ("ecr", "eks"):
        headers["content-type"] = "application/x-amz-json-1.1"
        return 200, headers, json.dumps(result).encode()
    headers["content-type"] = "text/xml"
    name = call.operation
    text = (
        f'<{name}Response xmlns="{_namespace(call.service)}"><{name}Result>{_xml(result)}</{name}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
    )
    return 200, headers, text.encode()


def _xml(value: Mapping[str, Any]) -> str:
    parts: list[str] = []
    for key, item in value.items():
        content = _xml(cast("Mapping[str, Any]", item)) if isinstance(item, Mapping) else escape(str(item))
        parts.append(f"<{key}>{content}</{key}>")
    return "".join(parts)


def _namespace(service: str) -> str:
    return str(service_model(service).metadata.get("xmlNamespace", ""))


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", f"the body is no JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ApiError("SerializationException", "the body is no JSON object")
    return cast("dict[str, Any]", parsed)


def _rest(http: HttpRequest, region: str, access_key: str) -> ApiCall:
    for method, pattern, operation in _routes():
        match = pattern.fullmatch(http.path)
        if match is not None and method == http.method:
            path = {name: unquote(value) for name, value in match.groupdict().items()}
            sent = {**dict(parse_qsl(http.query)), **_json(http.body), **path}
            members = input_members("eks", operation)
            # A member may have another name in the path or the body than in the model.
            names = {str(member.serialization.get("name", name)): name for name, member in members.items()}
            parameters = {names.get(key, key): value for key, value in sent.items()}
            return ApiCall("eks", region, operation, parameters, access_key, http)
    raise ApiError("NotFoundException", f"no operation of eks is {http.method} {http.path}", 404)


@cache
def _routes() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    model = service_model("eks")
    routes: list[tuple[str, re.Pattern[str], str]] = []
    for name in model.operation_names:
        described = model.operation_model(name).http
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", str(described["requestUri"]).partition("?")[0])
        routes.append((str(described["method"]), re.compile(pattern), str(name)))
    return tuple(routes)
