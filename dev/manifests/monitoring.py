"""Alerts and dashboard: valid, tested, and about metrics that exist."""

import glob
import json
import os
import re
import subprocess

import yaml

FOLDER = "deploy/kustomize/components/monitoring"
# What Prometheus itself records of what it scrapes.
OTHERS = {"up"}
_NAME = re.compile(r"\b(csi_[a-z_]+|up)\b")


def names(page):
    """The names of a metrics page; a histogram's parts count as its name with the part."""
    return {line.split("{")[0].split(" ")[0] for line in page.splitlines() if line and not line.startswith("#")}


def source_names():
    """Names that only show while calls run."""
    found = set()
    for path in glob.glob("Sources/**/*.swift", recursive=True):
        with open(path) as file:
            found |= set(re.findall(r'"(csi_[a-z_]+_in_flight)"', file.read()))
    return found


def used():
    """Each metric that the alerts and the dashboard name, with who names it."""
    found = {}
    with open(f"{FOLDER}/alerts.yaml") as file:
        for group in yaml.safe_load(file)["spec"]["groups"]:
            for rule in group["rules"]:
                for name in _NAME.findall(rule["expr"]):
                    found.setdefault(name, f"alert {rule['alert']}")
    with open(f"{FOLDER}/dashboard.json") as file:
        board = json.load(file)
    for panel in board["panels"]:
        for target in panel["targets"]:
            for name in _NAME.findall(target["expr"]):
                found.setdefault(name, f"panel {panel['title']}")
    return found


def problems(exported, tools, scratch):
    found = [f"{who} names {name}, which no program exports" for name, who in sorted(used().items())
             if name not in exported | OTHERS | source_names()]
    with open(f"{FOLDER}/alerts.yaml") as file:
        groups = yaml.safe_load(file)["spec"]
    rules = os.path.join(scratch, "alerts.yaml")
    with open(rules, "w") as file:
        yaml.safe_dump(groups, file)
    # The tests are about when an alert fires, not about its words.
    bare = os.path.join(scratch, "alerts-bare.yaml")
    with open(bare, "w") as file:
        yaml.safe_dump({"groups": [group | {"rules": [{k: v for k, v in rule.items() if k != "annotations"} for rule in group["rules"]]}
                                   for group in groups["groups"]]}, file)
    with open("dev/manifests/alerts-test.yaml") as file:
        tests = yaml.safe_load(file)
    tests["rule_files"] = [bare]
    path = os.path.join(scratch, "alerts-test.yaml")
    with open(path, "w") as file:
        yaml.safe_dump(tests, file)
    promtool = os.path.join(tools, "usr/bin/promtool")
    for arguments in (["check", "rules", rules], ["test", "rules", path]):
        done = subprocess.run([promtool, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            found.append(f"promtool {' '.join(arguments[:2])}: {done.stdout}{done.stderr}")
    for one in (rules, bare, path):
        os.remove(one)
    tested = {case["alertname"] for test in tests["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
    for rule in (rule for group in groups["groups"] for rule in group["rules"]):
        if rule["alert"] not in tested:
            found.append(f"alert {rule['alert']} has no test")
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        if not _has_anchor(page, anchor):
            found.append(f"alert {rule['alert']}: there is no {rule['annotations']['runbook']}")
    return found


def _has_anchor(page, anchor):
    if not os.path.exists(page):
        return False
    with open(page) as file:
        headings = re.findall(r"^#+ (.*)$", file.read(), re.MULTILINE)
    return not anchor or anchor in {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}
