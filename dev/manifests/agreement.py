"""Whether the chart and the overlays give the same objects."""

import copy
import json

# Labels that each tool sets in its own way; the namespace tells instances apart in any case.
TOOLS = {"app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"}
# What is a set to Kubernetes.
SETS = {"args", "env", "volumes", "volumeMounts", "containers", "rules", "verbs", "capabilities", "add"}


def _plain(value, prefix, name=""):
    if isinstance(value, dict):
        return {k: _plain(v, prefix, k) for k, v in value.items() if k not in TOOLS and k != "imagePullPolicy"}
    if isinstance(value, list):
        items = [_plain(one, prefix) for one in value]
        return sorted(items, key=lambda one: json.dumps(one, sort_keys=True)) if name in SETS else items
    if isinstance(value, str):
        return value.strip()
    return value


def _index(objects, backend):
    prefix = f"csi-{backend}-"
    found = {}
    for item in objects:
        # A release's namespace is not the chart's to make.
        if item["kind"] == "Namespace":
            continue
        item = copy.deepcopy(item)
        if item["metadata"]["name"] in ("metrics", "dashboard"):
            item["metadata"]["name"] = prefix + item["metadata"]["name"]
        item["metadata"].pop("labels", None)
        found[item["kind"], item["metadata"]["name"]] = _plain(item, prefix)
    return found


def _differences(left, right, path=""):
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted(left.keys() | right.keys()):
            yield from _differences(left.get(name), right.get(name), f"{path}/{name}")
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, (a, b) in enumerate(zip(left, right)):
            yield from _differences(a, b, f"{path}/{number}")
    elif left != right:
        yield f"{path}: kustomize {json.dumps(left)[:200]}, Helm {json.dumps(right)[:200]}"


def problems(overlay, chart, backend):
    left, right = _index(overlay, backend), _index(chart, backend)
    found = [f"only in the overlay: {' '.join(one)}" for one in sorted(left.keys() - right.keys())]
    found += [f"only in the chart: {' '.join(one)}" for one in sorted(right.keys() - left.keys())]
    for one in sorted(left.keys() & right.keys()):
        found += [f"{' '.join(one)}: {text}" for text in _differences(left[one], right[one])]
    return found
