"""Renders what deploy/ holds: kustomize overlays and their components, the Helm chart."""

import itertools
import json
import os
import subprocess

import yaml

KUSTOMIZE = "deploy/kustomize"
CHART = "deploy/helm/swift-csi"
EXAMPLES = "deploy/examples"
BACKENDS = sorted(os.listdir(f"{KUSTOMIZE}/overlays"))
COMPONENTS = {"stock-sidecars": {"stockSidecars": True}, "monitoring": {"monitoring": {"enabled": True}}}


def variants():
    """Each backend with each set of components, and the values of the chart that mean the same."""
    for backend in BACKENDS:
        for count in range(len(COMPONENTS) + 1):
            for names in itertools.combinations(sorted(COMPONENTS), count):
                values = {"backend": backend}
                for name in names:
                    values |= COMPONENTS[name]
                yield backend, names, values


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def kustomize(backend, components, kubectl, scratch):
    """The objects of an overlay with components on top, as a user's own kustomization makes them."""
    # Kustomize takes relative paths only, and nothing may be written into the sources.
    folder = os.path.join(".build", "manifest-tools", f"overlay-{os.getpid()}")
    os.makedirs(folder, exist_ok=True)
    up = os.path.relpath(KUSTOMIZE, folder)
    path = os.path.join(folder, "kustomization.yaml")
    with open(path, "w") as file:
        json.dump({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [f"{up}/overlays/{backend}"],
            "components": [f"{up}/components/{name}" for name in components],
        }, file)
    try:
        done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, env={"HOME": scratch, "PATH": "/usr/bin:/bin"})
    finally:
        os.remove(path)
        os.rmdir(folder)
    if done.returncode != 0 or done.stderr.strip():
        raise RuntimeError(f"kustomize {backend} {' '.join(components)}: {done.stderr.strip()}")
    return documents(done.stdout)


def helm(values, chart=CHART):
    """The objects of a release that is named like the overlay's prefix."""
    from helm_python import Chart

    name = f"csi-{values['backend']}"
    with Chart.load(chart) as loaded:
        files = loaded.render(values, name=name, namespace=name)
    objects = []
    for path in sorted(files):
        if path.endswith(".yaml"):
            objects += documents(files[path])
    return objects


def examples():
    """The example workloads, by file."""
    found = {}
    for name in sorted(os.listdir(EXAMPLES)):
        if name.endswith(".yaml"):
            with open(f"{EXAMPLES}/{name}") as file:
                found[name] = documents(file.read())
    return found


def key(item):
    return item["kind"], item["metadata"]["name"]


def pod_spec(item):
    """The pod's part of a workload or a pod; None for anything else."""
    if item["kind"] == "Pod":
        return item["spec"]
    return item.get("spec", {}).get("template", {}).get("spec") if item["kind"] in ("DaemonSet", "Deployment") else None


def container(item, name):
    return next((one for one in pod_spec(item)["containers"] if one["name"] == name), None)
