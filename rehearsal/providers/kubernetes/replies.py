"""How a call fails: errors of this package as gRPC statuses, with Pulumi's details where an object exists
nevertheless."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, ParamSpec, Protocol, TypeAlias, TypeVar, cast

import grpc
import grpc.aio
from pulumi.runtime.proto import provider_pb2, status_pb2

from .checkpoint import field_manager, identifier, outputs_of
from .engine_log import EngineLog
from .errors import KubernetesError
from .operations import PartialError
from .properties import Properties, read_struct, write_struct
from .redaction import Redactor

Context: TypeAlias = Any
"""``grpc.aio.ServicerContext``; its generic parameters say nothing here."""

_DETAILS_KEY = "grpc-status-details-bin"


class _Provider(Protocol):
    redactor: Redactor
    log: EngineLog


P = ParamSpec("P")
R = TypeVar("R")


def answers(method: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Make a method of the service fail the way the protocol has it, with every secret masked in the message."""

    @functools.wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        provider, request, context = cast("tuple[_Provider, Any, Context]", args)
        try:
            result = await method(*args, **kwargs)
            await provider.log.flush()
            return result
        except PartialError as error:
            await provider.log.flush()
            await _abort_partial(provider, request, context, error)
        except (KubernetesError, ValueError) as error:
            await provider.log.flush()
            await refuse(context, provider.redactor, str(error))
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            # Anything else is a bug of this provider: the trace goes to the plugin's stderr, the engine gets one line.
            sys.stderr.write(provider.redactor.redact(traceback.format_exc()))
            text = f"internal error of the Kubernetes provider in {method.__name__}: {type(error).__name__}: {error}"
            await refuse(context, provider.redactor, text, grpc.StatusCode.INTERNAL)

    return call


async def refuse(
    context: Context, redactor: Redactor, message: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
) -> NoReturn:
    """End the call with an error for the user."""
    await context.abort(code, redactor.redact(message))
    raise AssertionError("abort returned")


async def unimplemented(context: Context, what: str) -> NoReturn:
    """End the call for something that only pulumi-kubernetes' own provider has."""
    await context.abort(
        grpc.StatusCode.UNIMPLEMENTED,
        f"{what} is not supported by the rehearsal's Kubernetes provider: helm, kustomize and yaml are rendered "
        "on the client. Declare "
        "the objects as resources (pulumi_kubernetes.core.v1, batch.v1, …, apiextensions.CustomResource)",
    )
    raise AssertionError("abort returned")


async def _abort_partial(provider: _Provider, request: Any, context: Context, error: PartialError) -> NoReturn:
    inputs = error.inputs if error.inputs is not None else _inputs(request)
    outputs = _outputs(request)
    manager = field_manager(request.urn, outputs, inputs)
    detail = provider_pb2.ErrorResourceInitFailed(
        id=getattr(request, "id", "") or identifier(error.live),
        properties=write_struct(outputs_of(error.live, inputs, manager)),
        reasons=[provider.redactor.redact(reason) for reason in error.reasons],
        inputs=write_struct(inputs),
    )
    message = provider.redactor.redact(str(error))
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    status.details.add().Pack(detail)
    await context.abort(
        grpc.StatusCode.UNKNOWN, message, trailing_metadata=((_DETAILS_KEY, status.SerializeToString()),)
    )
    raise AssertionError("abort returned")


def _inputs(request: Any) -> Properties:
    """The inputs of a Create or Update."""
    return read_struct(request.properties if isinstance(request, provider_pb2.CreateRequest) else request.news)


def _outputs(request: Any) -> Properties:
    if isinstance(request, provider_pb2.UpdateRequest):
        return read_struct(request.olds)
    return read_struct(request.properties) if isinstance(request, provider_pb2.ReadRequest) else {}
