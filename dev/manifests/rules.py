"""What no schema knows: references, who gets a token, what the restricted standard allows, how much the roles allow."""

import re

from render import key, pod_spec

# verbs x resources of csi-driver-nfs's deploy/rbac-csi-nfs.yaml (after 4.13.4): provisioner and snapshotter 46, resizer 21, all of
# them in the whole cluster.
CSI_DRIVER_NFS = 67
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
# Roots of trust: what the API server makes in every namespace, and the classes that every cluster has.
GIVEN = {("ConfigMap", "kube-root-ca.crt")}
PRIORITIES = {"system-node-critical", "system-cluster-critical"}


def problems(objects, version):
    keys = {key(item) for item in objects}
    found = []
    if len(keys) != len(objects):
        found.append("two objects of one kind and name")
    for item in objects:
        say = lambda text, item=item: found.append(f"{item['kind']} {item['metadata']['name']}: {text}")
        if item["kind"].endswith("Binding"):
            role = item["roleRef"]
            wanted = [(role["kind"], role["name"])] + [(one["kind"], one["name"]) for one in item["subjects"]]
            for one in wanted:
                if one not in keys:
                    say(f"there is no {' '.join(one)}")
        spec = pod_spec(item)
        if spec is not None and item["kind"] != "Pod":
            _workload(item, spec, keys, say, version)
    return found


def _workload(item, spec, keys, say, version):
    if ("ServiceAccount", spec["serviceAccountName"]) not in keys:
        say(f"there is no service account {spec['serviceAccountName']}")
    if spec.get("automountServiceAccountToken") is not False:
        say("mounts the token in every container")
    if spec["priorityClassName"] not in PRIORITIES:
        say(f"unknown priority class {spec['priorityClassName']}")
    labels = item["spec"]["template"]["metadata"]["labels"]
    if not item["spec"]["selector"]["matchLabels"].items() <= labels.items():
        say("its selector does not select its pods")
    volumes = {one["name"] for one in spec["volumes"]}
    used = set()
    for one in spec["containers"]:
        mounts = {mount["name"] for mount in one.get("volumeMounts", [])}
        used |= mounts
        if missing := mounts - volumes:
            say(f"{one['name']} mounts {missing}, which is no volume")
        if not one["securityContext"].get("readOnlyRootFilesystem"):
            say(f"{one['name']} can write to its root")
        if one["name"] == "driver" and any(mount["mountPath"] == TOKEN for mount in one["volumeMounts"]):
            say("the driver gets a token")
        if ":" not in one["image"].split("/")[-1] or one["image"].endswith(":latest"):
            say(f"{one['name']} has an image without a version")
        if one["name"] == "driver" and not one["image"].endswith(f":{version}"):
            say(f"the driver's image is not of version {version}")
        variables = {variable["name"] for variable in one.get("env", [])}
        if unknown := set(re.findall(r"\$\((\w+)\)", " ".join(one["args"]))) - variables:
            say(f"{one['name']} uses {unknown}, which is no variable")
        ports = {port["name"] for port in one.get("ports", [])}
        for probe in ("livenessProbe", "readinessProbe"):
            port = one.get(probe, {}).get("httpGet", {}).get("port")
            if isinstance(port, str) and port not in ports:
                say(f"{probe} asks port {port}, which is no port")
        if one["name"] != "driver" and one["securityContext"].get("capabilities") != {"drop": ["ALL"]}:
            say(f"{one['name']} has capabilities")
    if unused := volumes - used:
        say(f"nobody mounts {unused}")


def restricted(item):
    """Where a pod is not what the Pod Security Standard 'restricted' allows."""
    spec = pod_spec(item)
    context = spec.get("securityContext", {})
    found = []
    if not context.get("runAsNonRoot") or context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        found.append("the pod may run as root, or without seccomp")
    if any(spec.get(flag) for flag in ("hostNetwork", "hostPID", "hostIPC")) or any("hostPath" in one for one in spec["volumes"]):
        found.append("the pod has a part of the host")
    for one in spec["containers"]:
        own = one["securityContext"]
        if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {"drop": ["ALL"]}:
            found.append(f"{one['name']} has privileges")
    return found


def permissions(objects):
    """verbs x resources that the roles give: in the whole cluster, and in the namespace."""
    counts = {"ClusterRole": 0, "Role": 0}
    for item in objects:
        for rule in item.get("rules", []) if item["kind"] in counts else []:
            if {"*"} & set(rule["verbs"] + rule["resources"] + rule["apiGroups"]) or "secrets" in rule["resources"]:
                raise ValueError(f"{item['metadata']['name']} allows everything, or secrets: {rule}")
            counts[item["kind"]] += len(rule["verbs"]) * len(rule["resources"])
    return counts["ClusterRole"], counts["Role"]
