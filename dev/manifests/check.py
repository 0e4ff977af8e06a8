"""The parts of dev/check-manifests. Prints one line for each; fails with what it found."""

import argparse
import json
import os
import re
import sys

import agreement
import live
import monitoring
import render
import rules
import schemas
import transcripts

failures = []


def part(name, problems, summary):
    problems = list(dict.fromkeys(problems))
    if problems:
        failures.extend(problems)
        print(f"{name:<12} FAILED")
        for one in problems[:40]:
            print(f"    {one}")
    else:
        print(f"{name:<12} {summary}")


def product_version():
    with open("Sources/CSICore/Runtime/Version.swift") as file:
        return re.search(r'current = "([^"]+)"', file.read()).group(1)


def render_all(kubectl, scratch):
    """Every variant, from kustomize and from Helm: (backend, components) -> (objects, objects)."""
    found = {}
    # Those that only one of the two makes stand for both.
    for number, values in enumerate(render.UNUSUAL, 1):
        objects = render.helm(values)
        found[values["backend"], (f"values {number}",)] = objects, objects
    objects = render.takeover(kubectl, scratch)
    found["nfs", ("takeover",)] = objects, objects
    for backend, components, values in render.variants():
        found[backend, components] = render.kustomize(backend, components, kubectl, scratch), render.helm(values)
    return found


def chart_refuses():
    """Values that the chart's schema must refuse."""
    from helm_python import Chart
    from helm_python.errors import HelmError

    wrong = [
        {"backend": "tape"}, {"backend": "nfs", "poool": "/x"}, {"pool": "relative"}, {"kubeletDir": "/var/lib/kubelet/"},
        {"driverName": "Upper"}, {"images": {"node": {"repository": "x", "digest": "sha256:short"}}}, {"logLevel": "loud"},
        {"node": {"extraArgs": ["--pool dir"]}}, {"networkPolicy": {"apiServerPorts": [0]}}, {"monitoring": {"interval": "often"}},
    ]
    found = []
    with Chart.load(render.CHART) as chart:
        for values in wrong:
            try:
                chart.validate_schema({"backend": "loopback"} | values)
            except HelmError:
                continue
            found.append(f"the chart takes {json.dumps(values)}")
    return found, len(wrong)


def chart_lint():
    from helm_python import lint

    found = []
    for backend in render.BACKENDS:
        report = lint(render.CHART, {"backend": backend}, strict=True, kube_version=f"v{schemas.OLDEST}.0")
        found += [f"{backend}: {one['path']}: {one['error']}" for one in report["messages"] if one["severity"] > 1]
    return found


def check_schemas(rendered, examples):
    problems, count = [], 0
    classes = {item["metadata"]["name"] for overlay, _ in rendered.values() for item in overlay if item["kind"].endswith("Class")}
    classes |= {item["metadata"]["name"] for items in examples.values() for item in items if item["kind"].endswith("Class")} | {""}
    for name, items in examples.items():
        for wanted in re.findall(r'"(?:storageClass|volumeSnapshotClass|volumeGroupSnapshotClass|volumeAttributesClass)Name": "([^"]*)"', json.dumps(items)):
            if wanted not in classes:
                problems.append(f"{name}: there is no class {wanted}")
    for (backend, components), (overlay, chart) in rendered.items():
        for item in overlay + chart:
            count += 1
            problems += [f"{backend} {' '.join(components)}: {one}" for one in schemas.problems(item)]
        problems += [f"{backend} {' '.join(components)}: {one}" for one in agreement.problems(overlay, chart, backend)]
    for name, items in examples.items():
        for item in items:
            count += 1
            problems += [f"{name}: {one}" for one in schemas.problems(item)]
    refused, wrong = chart_refuses()
    problems += refused + chart_lint()
    part("schemas", problems, f"{count} objects of {len(rendered)} variants and {len(examples)} examples are valid in "
         f"{' and '.join(schemas.versions())}; chart and overlays agree; {wrong} wrong values are refused")


def check_rules(rendered, cloud):
    objects = [item for name, items in cloud.items() if name != "example.yaml" for item in items]
    problems = [f"{render.CLOUD}: {one}" for one in rules.problems(objects, "1.0.0")]
    problems += [f"{render.CLOUD}: controller: {one}" for item in objects if item["kind"] == "Deployment" for one in rules.restricted(item)]
    sums = {}
    for (backend, components), (overlay, chart) in rendered.items():
        for objects in (overlay, chart):
            problems += [f"{backend} {' '.join(components)}: {one}" for one in rules.problems(objects, product_version())]
        if backend != "nfs":
            controller = next(one for one in overlay if one["kind"] == "Deployment")
            problems += [f"{backend}: controller: {one}" for one in rules.restricted(controller)]
        if not components:
            sums[backend] = rules.permissions(overlay)
    if sum(sums["nfs"]) >= rules.CSI_DRIVER_NFS:
        problems.append(f"nfs: the roles allow {sums['nfs']}, csi-driver-nfs's {rules.CSI_DRIVER_NFS}")
    text = ", ".join(f"{name} {cluster} in the cluster + {own} in the namespace" for name, (cluster, own) in sorted(sums.items()))
    part("rules", problems, f"verbs x resources: {text}; csi-driver-nfs {rules.CSI_DRIVER_NFS} in the cluster")


def check_programs(rendered, examples, binaries, scratch):
    """Also gives the names of the metrics that the programs export."""
    problems, exported, started, port = [], set(), 0, 19808
    advertised = {}
    for (backend, components), (overlay, _) in rendered.items():
        for workload in (one for one in overlay if one["kind"] in ("DaemonSet", "Deployment")):
            driver = live.Driver(workload, binaries, scratch, port)
            port += 1
            where = f"{backend} {' '.join(components)}: {driver.name}"
            if unknown := driver.unknown():
                problems.append(f"{where}: {driver.program} does not know {' '.join(unknown)}")
                continue
            try:
                with driver.running():
                    capabilities = driver.capabilities()
                    problems += [f"{where}: {one}" for one in live.missing(workload, capabilities)]
                    if "--with-controller" in driver.container["args"]:
                        for item in (one for one in overlay if one["kind"] == "StorageClass"):
                            problems += [f"{where}: {one}" for one in driver.takes(item)]
                    exported |= monitoring.names(driver.get("/metrics"))
            except (RuntimeError, AssertionError, OSError) as error:
                problems.append(f"{where}: {error}")
                continue
            started += 1
            union = advertised.setdefault(backend, {"plugin": set(), "controller": set(), "node": set()})
            for service, names in capabilities.items():
                union[service] |= names
        if backend in advertised:
            problems += [f"{backend}: {one}" for one in live.promised(overlay, advertised[backend])]
    for name, items in examples.items():
        for item in items:
            backend = (item.get("provisioner") or item.get("driver") or item.get("driverName") or "").removesuffix(".swift-csi.dev")
            if backend in advertised:
                problems += [f"{name}: {one}" for one in live.promised([item], advertised[backend])]
    problems += live.matrix(advertised)
    part("programs", problems, f"{started} command lines start, and the drivers advertise what the sidecars beside them need")
    return exported


def main():
    parser = argparse.ArgumentParser()
    for name in ("tools", "bin", "scratch"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    kubectl = os.path.join(options.tools, "venv/bin/kubectl")
    rendered = render_all(kubectl, options.scratch)
    examples = render.examples()
    cloud = render.cloud()
    # What the examples of drivers deploy is held to the schemas; their drivers are not started here.
    check_schemas(rendered, examples | render.elsewhere(kubectl, options.scratch) | {
        f"{render.CLOUD}/{name}": items for name, items in cloud.items()})
    check_rules(rendered, cloud)
    exported = check_programs(rendered, examples, options.bin, options.scratch)
    part("metrics", monitoring.problems(exported, options.tools, options.scratch),
         f"{len(monitoring.used())} metrics that alerts and dashboard name are exported; the alerts pass promtool")
    part("transcripts", transcripts.problems(options.bin, options.scratch), f"{transcripts.count()} commands of {transcripts.PAGE} print what it says")
    sys.exit(1 if failures else 0)


main()
