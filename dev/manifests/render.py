"""Renders what deploy/ holds: kustomize overlays and their components, the Helm chart."""

import glob
import itertools
import json
import os
import subprocess

import yaml

KUSTOMIZE = "deploy/kustomize"
CHART = "deploy/helm/swift-csi"
EXAMPLES = "deploy/examples"
CLOUD = "Examples/DigitalOcean/deploy"
BACKENDS = sorted(os.listdir(f"{KUSTOMIZE}/overlays"))
COMPONENTS = {
    "group-snapshots": {"snapshots": {"groups": True}},
    "monitoring": {"monitoring": {"enabled": True}},
    "stock-sidecars": {"stockSidecars": True},
}
# What does not fit a backend.
WITHOUT = {"loopback": {"group-snapshots"}, "nfs": {"group-snapshots"}}


def variants():
    """Each backend with each set of components, and the values of the chart that mean the same."""
    for backend in BACKENDS:
        for count in range(len(COMPONENTS) + 1):
            for names in itertools.combinations(sorted(COMPONENTS.keys() - WITHOUT.get(backend, set())), count):
                values = {"backend": backend}
                for name in names:
                    values |= COMPONENTS[name]
                yield backend, names, values


# Values that take every branch of the chart; there is no overlay that means the same.
UNUSUAL = [
    {
        "backend": "loopback", "driverName": "disks.example.com", "kubeletDir": "/data/kubelet", "pool": "/mnt/disks", "logLevel": "debug",
        "images": {"pullSecrets": [{"name": "registry"}], "node": {"repository": "r.example.com/n", "tag": "0.1.0"}},
        "snapshots": {"enabled": False}, "networkPolicy": {"enabled": False},
        "node": {"extraArgs": ["--reserve=100Mi", "--overcommit=1.5"], "maxUnavailable": 1}, "controller": {"replicas": 1},
        "classes": {"storage": [{
            "name": "fast", "default": True, "parameters": {"csi.storage.k8s.io/fstype": "btrfs"}, "mountOptions": ["noatime"], "reclaimPolicy": "Retain",
        }]},
    },
    {"backend": "hostpath", "classes": {"create": False}, "networkPolicy": {"apiServerPorts": [16443], "monitoringNamespace": "observe"}},
    {"backend": "nfs", "driverName": "nfs.csi.k8s.io", "classes": {"storage": [{
        "name": "nfs-csi", "parameters": {"server": "nfs.example.com", "share": "/export"}, "mountOptions": ["nfsvers=4.2"],
    }]}},
]


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def takeover(kubectl, scratch):
    """The overlay that takes over the volumes of csi-driver-nfs."""
    return _build(kubectl, f"{EXAMPLES}/takeover", scratch)


def elsewhere(kubectl, scratch):
    """What the examples of drivers deploy, by folder."""
    folders = [os.path.dirname(path) for path in sorted(glob.glob("Examples/*/deploy/kustomization.yaml"))]
    return {folder: _build(kubectl, folder, scratch) for folder in folders}


def _build(kubectl, folder, scratch):
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, env={"HOME": scratch, "PATH": "/usr/bin:/bin"})
    if done.returncode != 0 or done.stderr.strip():
        raise RuntimeError(f"kustomize {folder}: {done.stderr.strip()}")
    return documents(done.stdout)


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
        return _build(kubectl, folder, scratch)
    finally:
        os.remove(path)
        os.rmdir(folder)


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


def cloud():
    """The plain manifests of the cloud driver, by file."""
    found = {}
    for name in sorted(os.listdir(CLOUD)):
        if name.endswith(".yaml") and name != "kustomization.yaml":
            with open(f"{CLOUD}/{name}") as file:
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
