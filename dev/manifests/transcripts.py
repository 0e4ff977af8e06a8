"""Runs the console blocks of docs/troubleshooting.md against a loopback driver, and compares what is printed, numbers aside.

A comment `<!-- before: COMMANDS -->` in front of a block sets the scene; it may say start and stop, which are the driver's.
"""

import os
import re
import subprocess

PAGE = "docs/troubleshooting.md"
POOL = "/var/lib/swift-csi/loopback"
_BLOCK = re.compile(r"(?:<!-- before: (?P<before>.*?) -->\n)?```console\n(?P<text>.*?)```", re.DOTALL)

_PREAMBLE = r"""
set -u
export CSI_ENDPOINT=unix://$scratch/csi.sock PATH=$bin:$PATH
log=$scratch/log
start() {
    csi-node --backend loopback --node-id node-1 --pool "$pool" --with-controller >"$log" 2>&1 </dev/null &
    pid=$!
    for _ in $(seq 1200); do ! csictl probe >/dev/null 2>&1 || return 0; sleep 0.05; done
}
stop() { kill "$pid"; wait "$pid"; }
trap stop EXIT
start
"""


def _blocks():
    with open(PAGE) as file:
        for match in _BLOCK.finditer(file.read()):
            steps = []
            for line in match["text"].splitlines():
                if line.startswith("$ "):
                    steps.append((line[2:], []))
                else:
                    steps[-1][1].append(line)
            yield match["before"], steps


def _runnable(command):
    """What a reader types, with the places that it has here."""
    logs = "kubectl --namespace csi-loopback logs POD -c driver"
    return command.replace(logs, 'cat "$log"').replace(POOL, "$pool").replace("unix:///csi/", "unix://$scratch/")


def _plain(text, scratch):
    text = text.replace(f"{scratch}/pool", POOL).replace(f"unix://{scratch}/", "unix:///csi/")
    return re.sub(r"[0-9]+(\.[0-9]+)?(?=[KMGT]i\b| bytes| were)", "N", text).strip()


def problems(binaries, scratch):
    folder = os.path.join(scratch, "t")
    os.makedirs(os.path.join(folder, "pool"))
    script, wanted = [_PREAMBLE], []
    for before, steps in _blocks():
        if before:
            script.append(f"{{ {before}; }} >/dev/null 2>&1")
        for command, output in steps:
            script.append(f"printf '\\036\\n'\n{_runnable(command)} 2>&1")
            wanted.append((command, "\n".join(output)))
    done = subprocess.run(["bash", "-c", "\n".join(script)], capture_output=True, text=True, timeout=600,
                          env={"PATH": os.environ["PATH"], "scratch": folder, "pool": f"{folder}/pool", "bin": binaries})
    printed = done.stdout.split("\036\n")[1:]
    if len(printed) != len(wanted):
        return [f"{PAGE}: {len(wanted)} commands, and {len(printed)} ran: {done.stderr[-500:]}"]
    return [f"{PAGE}: $ {command}\n      says:   {_plain(output, folder)}\n      prints: {_plain(found, folder)}"
            for (command, output), found in zip(wanted, printed) if _plain(output, folder) != _plain(found, folder)]


def count():
    return sum(len(steps) for _, steps in _blocks())
