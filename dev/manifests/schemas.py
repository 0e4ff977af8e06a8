"""Validates objects against the schemas of the API server, and custom resources against the fields that are used here."""

import functools
import json

import jsonschema
import kubernetes_validate

OLDEST = "1.33"
# Not in the oldest release yet, and so not in what every cluster gets.
SINCE = {("storage.k8s.io/v1", "VolumeAttributesClass"): "1.34"}


def _object(properties, required=()):
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_TEXT = {"type": "string", "minLength": 1}
_LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
_METADATA = _object({"name": _TEXT, "namespace": _TEXT, "labels": _LABELS, "annotations": _LABELS}, ["name"])
_SELECTOR = _object({"matchLabels": _LABELS})
_DURATION = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}


def _class(version):
    return _object({
        "apiVersion": {"const": version}, "kind": _TEXT, "metadata": _METADATA, "driver": _TEXT,
        "deletionPolicy": {"enum": ["Delete", "Retain"]}, "parameters": _LABELS,
    }, ["driver", "deletionPolicy"])


def _custom(version, spec):
    return _object({"apiVersion": {"const": version}, "kind": _TEXT, "metadata": _METADATA, "spec": spec}, ["spec"])


_RULE = _object({
    "alert": _TEXT, "expr": _TEXT, "for": _DURATION, "labels": _object({"severity": {"enum": ["info", "warning", "critical"]}}, ["severity"]),
    "annotations": _object({"summary": _TEXT, "description": _TEXT, "runbook": _TEXT}, ["summary", "description", "runbook"]),
}, ["alert", "expr", "labels", "annotations"])

CUSTOM = {
    "VolumeSnapshotClass": _class("snapshot.storage.k8s.io/v1"),
    "VolumeGroupSnapshotClass": _class("groupsnapshot.storage.k8s.io/v1"),
    "VolumeSnapshot": _custom("snapshot.storage.k8s.io/v1", _object({
        "volumeSnapshotClassName": _TEXT,
        "source": {"oneOf": [
            _object({"persistentVolumeClaimName": _TEXT}, ["persistentVolumeClaimName"]),
            _object({"volumeSnapshotContentName": _TEXT}, ["volumeSnapshotContentName"]),
        ]},
    }, ["source"])),
    "VolumeGroupSnapshot": _custom("groupsnapshot.storage.k8s.io/v1", _object({
        "volumeGroupSnapshotClassName": _TEXT, "source": _object({"selector": _SELECTOR}, ["selector"]),
    }, ["source"])),
    "ServiceMonitor": _custom("monitoring.coreos.com/v1", _object({
        "selector": _SELECTOR,
        "endpoints": {"type": "array", "minItems": 1, "items": _object({
            "port": _TEXT, "path": {"type": "string", "pattern": "^/"}, "interval": _DURATION, "scrapeTimeout": _DURATION,
            "relabelings": {"type": "array", "items": _object({"sourceLabels": {"type": "array", "items": _TEXT}, "targetLabel": _TEXT})},
        }, ["port"])},
    }, ["selector", "endpoints"])),
    "PrometheusRule": _custom("monitoring.coreos.com/v1", _object({
        "groups": {"type": "array", "minItems": 1, "items": _object({"name": _TEXT, "rules": {"type": "array", "minItems": 1, "items": _RULE}})},
    }, ["groups"])),
}


def versions():
    return [OLDEST, kubernetes_validate.latest_version()]


def problems(item):
    """What is wrong with an object, in any of the versions that are supported."""
    return _problems(json.dumps(item, sort_keys=True))


# Most objects are the same in all variants, and the schemas are large.
@functools.cache
def _problems(text):
    item = json.loads(text)
    name = f"{item['kind']} {item['metadata']['name']}"
    if item["kind"] in CUSTOM:
        return [f"{name}: {'/'.join(map(str, e.absolute_path))}: {e.message}"
                for e in jsonschema.Draft202012Validator(CUSTOM[item["kind"]]).iter_errors(item)]
    found = []
    for version in versions():
        if version < SINCE.get((item["apiVersion"], item["kind"]), version):
            continue
        try:
            kubernetes_validate.validate(item, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{name} ({version}): {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
        except kubernetes_validate.SchemaNotFoundError as error:
            found.append(f"{name} ({version}): {error.message}")
    return found
