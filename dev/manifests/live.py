"""Starts the programs with the command lines of the manifests, and compares what they advertise with what runs beside them."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request

from render import container, pod_spec

# What a sidecar needs of the driver beside it, with what of its flags: service -> capabilities.
NEEDS = {
    "provisioner": [
        (None, {"plugin": ["CONTROLLER_SERVICE"], "controller": ["CREATE_DELETE_VOLUME"]}),
        ("--enable-capacity=true", {"controller": ["GET_CAPACITY"]}),
        ("--strict-topology=true", {"plugin": ["VOLUME_ACCESSIBILITY_CONSTRAINTS"]}),
    ],
    "snapshotter": [
        (None, {"controller": ["CREATE_DELETE_SNAPSHOT"]}),
        ("--feature-gates=CSIVolumeGroupSnapshot=true", {"plugin": ["GROUP_CONTROLLER_SERVICE"]}),
    ],
    "resizer": [(None, {"plugin": ["CONTROLLER_SERVICE"], "controller": ["EXPAND_VOLUME"]})],
    "registrar": [(None, {})],
    "liveness-probe": [(None, {})],
}


class Driver:
    """One driver container's program, with directories and ports of its own."""

    def __init__(self, workload, binaries, scratch, port):
        self.container = container(workload, "driver")
        self.name = workload["metadata"]["name"]
        # Short: a socket has its place in it.
        self.root = os.path.join(scratch, "d")
        self.port = port
        self.program = "csi-node" if workload["kind"] == "DaemonSet" else "csi-controller"
        self.binaries = binaries
        self.paths = {}
        for mount in self.container["volumeMounts"]:
            if mount["mountPath"] not in ("/dev", "/tmp"):
                self.paths[mount["mountPath"]] = self.root + mount["mountPath"]
        if self.program == "csi-node":
            kubelet = next(one["mountPath"] for one in self.container["volumeMounts"] if one["name"] == "kubelet")
            self.registry = self.root + kubelet + "/plugins_registry"

    def _local(self, text):
        text = text.replace("$(NODE_NAME)", "node-1")
        for path in sorted(self.paths, key=len, reverse=True):
            text, count = re.subn(rf"(^|=|://){re.escape(path)}(?=/|$)", lambda match, to=self.paths[path]: match.group(1) + to, text)
            if count:
                return text
        return text

    def _http(self, text):
        return re.sub(r"^(127\.0\.0\.1)?:\d+$", f"127.0.0.1:{self.port}", text)

    def command(self):
        arguments = []
        for argument in self.container["args"]:
            flag, _, value = argument.partition("=")
            if flag == "--http-endpoint":
                argument = f"{flag}={self._http(value)}"
            arguments.append(self._local(argument))
        if "SWIFT_CSI_KUBELET_REGISTRATION_PATH" in self.environment():
            # The default is of the host.
            arguments = [one for one in arguments if not one.startswith("--kubelet-registry=")]
            arguments.append(f"--kubelet-registry={self.registry}")
        return [os.path.join(self.binaries, self.program)] + arguments

    def environment(self):
        found = {"PATH": os.environ["PATH"]}
        for variable in self.container.get("env", []):
            if "value" in variable and variable["name"] != "NODE_NAME":
                found[variable["name"]] = self._local(self._http(variable["value"]))
        return found

    def unknown(self):
        """Flags and variables that the program's help does not name."""
        text = subprocess.run([os.path.join(self.binaries, self.program), "--help"], capture_output=True, text=True, check=True).stdout
        flags = {argument.partition("=")[0] for argument in self.container["args"]}
        variables = {one["name"] for one in self.container.get("env", []) if one["name"].startswith("SWIFT_CSI_")}
        return sorted(one for one in flags | variables if not re.search(rf"{one}\b", text))

    @contextlib.contextmanager
    def running(self):
        for path in [*self.paths.values(), *([self.registry] if self.program == "csi-node" else [])]:
            os.makedirs(path, exist_ok=True)
        log = os.path.join(self.root, "log")
        with open(log, "w") as file:
            process = subprocess.Popen(self.command(), stdout=file, stderr=file, env=self.environment())
        try:
            self._wait(process, log)
            yield self
            process.send_signal(signal.SIGTERM)
            if process.wait(timeout=60) != 0:
                raise RuntimeError(f"{self.name} ended with {process.returncode}: {self._tail(log)}")
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(self.root)

    @staticmethod
    def _tail(log):
        with open(log) as file:
            return file.read()[-2000:].strip()

    def _wait(self, process, log):
        probe = self.container["readinessProbe"]["httpGet"]["path"]
        for _ in range(1200):
            with contextlib.suppress(OSError):
                if self.get(probe):
                    break
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            process.kill()
        if process.poll() is not None:
            raise RuntimeError(f"{self.name} does not start: {self._tail(log)}")
        assert self.get(self.container["livenessProbe"]["httpGet"]["path"]) == "ok\n"

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return answer.read().decode()

    def csictl(self, *arguments):
        endpoint = next(a.partition("=")[2] for a in self.command() if a.startswith("--endpoint="))
        done = subprocess.run([os.path.join(self.binaries, "csictl"), "--endpoint", endpoint, "--json", *arguments],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: csictl {' '.join(arguments)}: {done.stderr}{done.stdout}")
        return json.loads(done.stdout)

    def takes(self, storage_class):
        """Makes a volume with the parameters of a class, and removes it; what the driver says when it does not want to."""
        arguments = ["create-volume", "of-a-class", "--capacity", "400Mi"]
        for name, value in storage_class.get("parameters", {}).items():
            arguments += ["--fs-type", value] if name == "csi.storage.k8s.io/fstype" else ["--parameter", f"{name}={value}"]
        for option in storage_class.get("mountOptions", []):
            arguments += ["--mount-flag", option]
        try:
            volume = self.csictl(*arguments)
            self.csictl("delete-volume", volume["volume_id"])
        except RuntimeError as error:
            return [f"StorageClass {storage_class['metadata']['name']}: {error}"]
        return []

    def capabilities(self):
        found = {"plugin": set(self.csictl("info")["capabilities"]), "controller": set(), "node": set()}
        found |= {service: set(names) for service, names in self._services().items() if service in found}
        return found

    def _services(self):
        with contextlib.suppress(RuntimeError):
            return self.csictl("capabilities")
        # As csictl asked before it asked for all at once.
        services = {"csi-controller": ["controller"], "csi-node": ["node"]}[self.program]
        if "--with-controller" in self.container["args"]:
            services = ["controller", "node"]
        return {service: self.csictl(service, "capabilities")["capabilities"] for service in services}


def missing(workload, advertised):
    """What the sidecars of a workload need and the driver beside them does not advertise."""
    found = []
    for one in pod_spec(workload)["containers"]:
        if one["name"] == "driver":
            continue
        values = {variable["name"]: variable.get("value", "") for variable in one.get("env", [])}
        arguments = [re.sub(r"\$\((\w+)\)", lambda match: values.get(match.group(1), ""), argument) for argument in one["args"]]
        for flag, needs in NEEDS[one["name"]]:
            if flag is None or flag in arguments:
                for service, names in needs.items():
                    found += [f"{one['name']} needs {name} of the {service}" for name in names if name not in advertised[service]]
    return found


def promised(objects, everything):
    """What classes and the CSIDriver promise, and no process of the driver advertises; takes the union of what they do."""
    found = []
    for item in objects:
        name = f"{item['kind']} {item['metadata']['name']}"
        if item["kind"] == "StorageClass":
            if item.get("allowVolumeExpansion") and not {"EXPAND_VOLUME"} <= everything["controller"]:
                found.append(f"{name} allows expansion, and no controller advertises EXPAND_VOLUME")
            if item["volumeBindingMode"] == "WaitForFirstConsumer" and "VOLUME_ACCESSIBILITY_CONSTRAINTS" not in everything["plugin"]:
                found.append(f"{name} waits for the consumer, and the driver has no topology")
        if item["kind"] == "VolumeSnapshotClass" and "CREATE_DELETE_SNAPSHOT" not in everything["controller"]:
            found.append(f"{name}: the driver advertises no snapshots")
        if item["kind"] == "VolumeGroupSnapshotClass" and "GROUP_CONTROLLER_SERVICE" not in everything["plugin"]:
            found.append(f"{name}: the driver advertises no group snapshots")
        if item["kind"] == "VolumeAttributesClass" and "MODIFY_VOLUME" not in everything["controller"]:
            found.append(f"{name}: the driver advertises no MODIFY_VOLUME")
        if item["kind"] == "CSIDriver" and item["spec"]["storageCapacity"] and "GET_CAPACITY" not in everything["controller"]:
            found.append(f"{name}: capacity is to be tracked, and the driver does not tell it")
    return found


MATRIX = "docs/capabilities.md"


def matrix(advertised):
    """Where the table of the capabilities page says other than the drivers do; takes what each backend advertises."""
    found, columns = [], []
    with open(MATRIX) as file:
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in file if line.startswith("|")]
    for row in rows:
        if row[0] == "Kubernetes feature":
            columns = row[2:]
            continue
        for backend, cell in zip(columns, row[2:]):
            if backend not in advertised:
                continue
            everything = set().union(*advertised[backend].values())
            # SINGLE_NODE_WRITER and the like are modes, not capabilities: they hold for a volume.
            names = [name for name in re.findall(r"[A-Z]+(?:_[A-Z]+)+", row[1]) if not name.endswith("_WRITER") or name == "SINGLE_NODE_MULTI_WRITER"]
            has = all(name in everything for name in names)
            if names and (cell.startswith("yes") and not has or re.match(r"no\b", cell) and has):
                found.append(f"{MATRIX}: {row[0]}: {backend} says '{cell}', and advertises {'all' if has else 'not all'} of {' '.join(names)}")
    return found
