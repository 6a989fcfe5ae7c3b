"""Errors about endpoints. All are ValidationException, 400: botocore's model declares no other.

Source of the texts: answers of the service quoted in public issues, unless a docstring says that the text is ours.
"""

from __future__ import annotations

from neo_emulator.hosting.arns import arn, endpoint_arn
from neo_emulator.protocol.errors import ServiceError, validation
from neo_workers.jobs import Scope


def no_endpoint(scope: Scope, name: str) -> ServiceError:
    """An unknown endpoint, for every operation but InvokeEndpoint."""
    return validation(f'Could not find endpoint "{endpoint_arn(scope, name)}".')


def no_config(scope: Scope, name: str) -> ServiceError:
    """An unknown endpoint configuration."""
    return validation(f'Could not find endpoint configuration "{arn("endpoint-config", scope, name)}".')


def no_model(scope: Scope, name: str) -> ServiceError:
    """The configuration's model was deleted."""
    return validation(f'Could not find model "{arn("model", scope, name)}".')


def endpoint_exists(scope: Scope, name: str) -> ServiceError:
    """The name is taken."""
    return validation(f'Cannot create already existing endpoint "{endpoint_arn(scope, name)}".')


def endpoint_busy(scope: Scope, name: str) -> ServiceError:
    """Another change is in progress."""
    return validation(f'Cannot update in-progress endpoint "{endpoint_arn(scope, name)}".')


def endpoint_failed(scope: Scope, name: str) -> ServiceError:
    """A Failed endpoint cannot be updated. The text is ours."""
    return validation(f'Cannot update failed endpoint "{endpoint_arn(scope, name)}"; delete it and create it again.')


def variant_twice(name: str) -> ServiceError:
    """Source: moto 5.2."""
    return validation(f'The variant name "{name}" was non-unique within the request.')


def no_variant(name: str, config_name: str) -> ServiceError:
    """Source: moto 5.2."""
    return validation(f'The variant name(s) "{name}" is/are not present within endpoint configuration "{config_name}".')
