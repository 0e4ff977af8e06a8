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
    "snapshotter": [(None, {"controller": ["CREATE_DELETE_SNAPSHOT"]})],
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
        self.program = "csi-node" if "/csi-node:" in self.container["image"] else "csi-controller"
        self.binaries = binaries
        self.paths = {}
        for mount in self.container["volumeMounts"]:
            if mount["mountPath"] not in ("/dev", "/tmp"):
                self.paths[mount["mountPath"]] = self.root + mount["mountPath"]
        # The kubelet's directories; the plugin's own comes with the volume of that name.
        for volume in pod_spec(workload)["volumes"]:
            path = volume.get("hostPath", {}).get("path", "")
            if path.startswith("/var/lib/kubelet/"):
                self.paths[path] = self.root + path
        if self.program == "csi-node":
            self.paths["/var/lib/kubelet/plugins_registry"] = self.root + "/var/lib/kubelet/plugins_registry"

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
        if any(a.startswith("--kubelet-registration-path") for a in arguments):
            arguments.append(f"--kubelet-registry={self.paths['/var/lib/kubelet/plugins_registry']}")
        return [os.path.join(self.binaries, self.program)] + arguments

    def environment(self):
        found = {"PATH": os.environ["PATH"]}
        for variable in self.container.get("env", []):
            if "value" in variable and variable["name"] != "NODE_NAME":
                found[variable["name"]] = self._http(variable["value"])
        return found

    def unknown(self):
        """Flags and variables that the program's help does not name."""
        text = subprocess.run([os.path.join(self.binaries, self.program), "--help"], capture_output=True, text=True, check=True).stdout
        flags = {argument.partition("=")[0] for argument in self.container["args"]}
        variables = {one["name"] for one in self.container.get("env", []) if one["name"].startswith("SWIFT_CSI_")}
        return sorted(one for one in flags | variables if not re.search(rf"{one}\b", text))

    @contextlib.contextmanager
    def running(self):
        for path in self.paths.values():
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
        for _ in range(300):
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
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def csictl(self, *arguments):
        endpoint = next(a.partition("=")[2] for a in self.command() if a.startswith("--endpoint="))
        done = subprocess.run([os.path.join(self.binaries, "csictl"), "--endpoint", endpoint, "--json", *arguments],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: csictl {' '.join(arguments)}: {done.stderr}{done.stdout}")
        return json.loads(done.stdout)

    def capabilities(self):
        found = {"plugin": set(self.csictl("info")["capabilities"]), "controller": set(), "node": set()}
        arguments = self.container["args"]
        if self.program == "csi-controller" or "--with-controller" in arguments:
            found["controller"] = set(self.csictl("controller", "capabilities")["capabilities"])
        if self.program == "csi-node":
            found["node"] = set(self.csictl("node", "capabilities")["capabilities"])
        return found


def missing(workload, advertised):
    """What the sidecars of a workload need and the driver beside them does not advertise."""
    found = []
    for one in pod_spec(workload)["containers"]:
        if one["name"] == "driver":
            continue
        for flag, needs in NEEDS[one["name"]]:
            if flag is None or flag in one["args"]:
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
