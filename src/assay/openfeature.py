"""An OpenFeature provider that decides in process, by the SDK.

    from openfeature import api
    from assay.openfeature import AssayProvider
    from assay.sdk import Client

    api.set_provider_and_wait(AssayProvider(Client("http://127.0.0.1:8000")))
    api.get_client().get_string_value("checkout", "blue", EvaluationContext("user-1", {"country": "US"}))

It says what the server's own flags say: values, variants, reasons and metadata are the same. Needs `openfeature-sdk`.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from assay.assignment.flags import flag_value
from assay.model.decision import Reason

try:
    from openfeature.event import ProviderEventDetails
    from openfeature.exception import ErrorCode, ProviderNotReadyError
    from openfeature.flag_evaluation import FlagResolutionDetails
    from openfeature.flag_evaluation import Reason as FlagReason
    from openfeature.provider import AbstractProvider, Metadata
except ImportError as error:
    raise ImportError("assay.openfeature needs openfeature-sdk: pip install openfeature-sdk") from error

if TYPE_CHECKING:
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.track import TrackingEventDetails

    from assay.sdk import Client

_MAX_UNIT_CHARACTERS = 20_000
"""As the server's own flags have it."""

T = TypeVar("T")


class AssayProvider(AbstractProvider):
    """Flags by a Client. A flag's key is an experiment's, the targeting key is the unit, the rest of the context its
    attributes; evaluating a flag logs the exposure. ready_seconds: how long setting the provider waits for the first
    definitions. The client is closed with the provider."""

    def __init__(self, client: Client, *, ready_seconds: float = 10.0) -> None:
        super().__init__()
        self._client, self._ready_seconds = client, ready_seconds
        self._was_stale = False

    def get_metadata(self) -> Metadata:
        return Metadata(name="assay")

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Wait for the first definitions; raises ProviderNotReadyError when there are none in time."""
        self._client.on_change(self._changed)
        if not self._client.wait_until_ready(self._ready_seconds):
            # The status is an error now: the first definitions make it ready.
            self._was_stale = True
            raise ProviderNotReadyError(f"no definitions from {self._client.url} yet")

    def shutdown(self) -> None:
        """Send what waits, and end the client."""
        self._client.close()

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        return self._resolve(flag_key, default_value, evaluation_context, lambda value: isinstance(value, bool), bool)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        return self._resolve(flag_key, default_value, evaluation_context, lambda value: isinstance(value, str), str)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        return self._resolve(flag_key, default_value, evaluation_context, _is_whole, int)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        return self._resolve(flag_key, default_value, evaluation_context, _is_number, float)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Any,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Any]:
        return self._resolve(flag_key, default_value, evaluation_context, _is_object, copy.deepcopy)

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        """An event of the unit; numbers among the details are its metrics, the rest its properties."""
        unit, _ = _unit_of(evaluation_context)
        given = tracking_event_details
        attributes = dict(given.attributes) if given is not None else {}
        metrics = {
            name: float(value)
            for name, value in attributes.items()
            if isinstance(value, (int, float)) and _is_number(value)
        }
        properties = {name: value for name, value in attributes.items() if name not in metrics}
        value = None if given is None else given.value
        self._client.track(
            unit or "", tracking_event_name, metrics or None, properties=_plain(properties) or None, value=value
        )

    def _resolve(
        self,
        key: str,
        default: T,
        context: EvaluationContext | None,
        fits: Callable[[Any], bool],
        cast: Callable[[Any], T],
    ) -> FlagResolutionDetails[T]:
        unit, attributes = _unit_of(context)
        if not self._client.is_ready:
            return _failed(default, ErrorCode.PROVIDER_NOT_READY, f"no definitions from {self._client.url} yet")
        if not unit:
            return _failed(default, ErrorCode.TARGETING_KEY_MISSING, "the context has no targeting key: the unit")
        if not isinstance(unit, str) or len(unit) > _MAX_UNIT_CHARACTERS:
            accepted = f"text of 1 to {_MAX_UNIT_CHARACTERS:,} characters"
            return _failed(default, ErrorCode.INVALID_CONTEXT, f"targeting key: accepted: {accepted}")
        control = self._client.control(key)
        if control is None:
            return _failed(default, ErrorCode.FLAG_NOT_FOUND, f"there is no started experiment {key[:100]!r}")
        decision = self._client.decide(key, unit, attributes, log_exposure=False)
        if decision.reason in (Reason.ERROR, Reason.NOT_SUPPORTED):
            return _failed(default, ErrorCode.GENERAL, f"{key}: {decision.reason.value}")
        flag = flag_value(decision, control)
        if not fits(flag.value):
            kind = type(default).__name__
            return _failed(default, ErrorCode.TYPE_MISMATCH, f"{key} is {flag.value!r}, which is no {kind}")
        # Whoever gets the default instead has not met the variant.
        self._client.log_exposure(unit, decision, attributes)
        return FlagResolutionDetails(
            cast(flag.value), reason=FlagReason(flag.reason), variant=flag.variant, flag_metadata=flag.metadata
        )

    def _changed(self) -> None:
        stale = self._client.is_stale
        if stale and not self._was_stale:
            self.emit_provider_stale(ProviderEventDetails(message=f"no answer from {self._client.url}"))
        elif not stale:
            if self._was_stale:
                self.emit_provider_ready(ProviderEventDetails())
            self.emit_provider_configuration_changed(ProviderEventDetails())
        self._was_stale = stale


def _unit_of(context: EvaluationContext | None) -> tuple[str | None, Mapping[str, Any]]:
    if context is None:
        return None, {}
    return context.targeting_key, _plain(context.attributes)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it: points in time as text."""
    return {name: _plain_value(value) for name, value in values.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain_value(item) for item in value]
    return value


def _is_number(value: Any) -> bool:
    # False for NaN, the infinities, and whole numbers that no float holds.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, (Mapping, list))


def _failed(default: T, code: ErrorCode, message: str) -> FlagResolutionDetails[T]:
    return FlagResolutionDetails(default, error_code=code, error_message=message, reason=FlagReason.ERROR)
