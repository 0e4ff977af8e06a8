"""Makes the reference pages and the man pages of the programs: reference.py BIN OUT

BIN is the folder of the programs, which are asked what they know. Below OUT come docs/reference/*.md and docs/man/*.
"""

import json
import os
import re
import subprocess
import sys
import textwrap

GENERATED = "Made by dev/generate-reference from the programs themselves; edit the code instead."
ENV = re.compile(r"\s*\[env: ([A-Z_]+)(=\w+)?\]")
DEFAULT = re.compile(r"\s*\(default: ([^)]*)\)")
SECTIONS = {"csi-node": 8, "csi-controller": 8, "csictl": 1}


def ask(program, *arguments):
    return json.loads(subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout)


class Flag:
    """One option, flag or argument of a command."""

    def __init__(self, described):
        help_text = " ".join((described.get("abstract") or "").split())
        env = ENV.search(help_text)
        default = DEFAULT.search(help_text)
        self.env = env.group(1) if env else ""
        self.default = default.group(1) if default else described.get("defaultValue") or ""
        self.help = DEFAULT.sub("", ENV.sub("", help_text)).strip()
        names = ["--" + name["name"] if name["kind"] == "long" else "-" + name["name"]
                 for name in described.get("names") or []]
        self.is_positional = described["kind"] == "positional"
        self.value = "" if described["kind"] == "flag" else described.get("valueName") or "value"
        self.names = names or [f"<{self.value}>"]
        self.is_hidden = not described.get("shouldDisplay", True)

    def spelled(self, join=", "):
        if self.is_positional:
            return self.names[0]
        return join.join(self.names) + (f" <{self.value}>" if self.value else "")


def flags(command):
    found = [Flag(argument) for argument in command.get("arguments") or []]
    return [flag for flag in found if not flag.is_hidden and not {"--help", "--version"} & set(flag.names)]


def subcommands(command):
    return [sub for sub in command.get("subcommands") or []
            if sub.get("shouldDisplay", True) and sub["commandName"] != "help"]


def code(text):
    return f"`{text}`" if text else ""


def cell(text):
    return text.replace("|", "\\|")


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(cell(text) for text in row) + " |" for row in rows]


def flag_table(found):
    with_env = any(flag.env for flag in found)
    header = ["flag"] + (["variable"] if with_env else []) + ["default", "meaning"]
    return table(header, [[code(flag.spelled())] + ([code(flag.env)] if with_env else [])
                          + [code(flag.default), flag.help] for flag in found])


def page(title, *parts):
    lines = [f"# {title}", "", GENERATED]
    for part in parts:
        lines += [""] + part
    return "\n".join(line.rstrip() for line in lines) + "\n"


def program_page(command):
    parts = [[command.get("abstract", "")], flag_table(flags(command))]
    name = command["commandName"]
    shared = {flag.names[0] for flag in flags(command)}

    def describe(sub, path):
        full = f"{path} {sub['commandName']}"
        parts.append([f"## {full}", "", sub.get("abstract", "")])
        own = [flag for flag in flags(sub) if flag.names[0] not in shared]
        if own:
            parts.append(flag_table(own))
        for below in subcommands(sub):
            describe(below, full)

    for sub in subcommands(command):
        describe(sub, name)
    return page(name, *parts)


def parameters_page(reference):
    parts = []
    for backend in reference["backends"]:
        parts.append([f"## {backend['name']}"])
        rows = [[code(one["name"]), one["scope"], one["values"], one["default_value"], one["help"]]
                for one in backend["parameters"]]
        parts.append(table(["key", "of", "values", "default", "meaning"], rows) if rows
                     else ["It knows no key: any is refused by name."])
    return page("Parameters of classes", ["A key that is not listed is INVALID_ARGUMENT, and named."], *parts)


def metrics_page(reference):
    rows = [[code(one["name"]), one["type"], ", ".join(code(label) for label in one["labels"]),
             ", ".join(one["backends"]) or "all", one["help"]] for one in reference["metrics"]]
    return page("Metrics", ["Served as `/metrics` where `--http-endpoint` says. A scrape shows what is in memory: it waits for "
                            "no call, no server and no disk."],
                table(["name", "type", "labels", "backends", "meaning"], rows))


def roff(text):
    """Text as roff takes it literally."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def wrapped(text):
    return [roff(line) for line in textwrap.wrap(" ".join(text.split()), 100, break_on_hyphens=False)]


def roff_flags(found):
    lines = []
    for flag in found:
        names = ", ".join(f"\\fB{roff(name)}\\fR" for name in flag.names)
        lines += [".TP", names + (f" \\fI{roff(flag.value)}\\fR" if flag.value and not flag.is_positional else "")]
        text = flag.help + (f" Default: {flag.default}." if flag.default else "")
        lines += wrapped(text + (f" Environment: {flag.env}." if flag.env else ""))
    return lines


def man_page(command, version):
    name = command["commandName"]
    section = SECTIONS[name]
    lines = [f'.\\" {GENERATED}', f'.TH {name.upper()} {section} "" "swift-csi {version}" "swift-csi"', ".SH NAME",
             f"{name} \\- {roff(command.get('abstract', ''))}", ".SH SYNOPSIS",
             f"\\fB{roff(name)}\\fR " + ("\\fIcommand\\fR [\\fIflags\\fR]" if subcommands(command) else "[\\fIflags\\fR]"),
             ".SH DESCRIPTION"]
    for paragraph in (command.get("discussion") or command.get("abstract") or "").split("\n\n"):
        lines += wrapped(paragraph) + [".PP"]
    lines += [".SH OPTIONS"] + roff_flags(flags(command))
    shared = {flag.names[0] for flag in flags(command)}

    def describe(sub, path):
        full = f"{path} {sub['commandName']}".strip()
        lines.append(f".SS {roff(full)}")
        lines.extend(wrapped(sub.get("abstract", "")))
        for paragraph in (sub.get("discussion") or "").split("\n\n"):
            if paragraph.strip():
                lines.extend([".PP"] + wrapped(paragraph))
        lines.extend(roff_flags([flag for flag in flags(sub) if flag.names[0] not in shared]))
        for below in subcommands(sub):
            describe(below, full)

    if subcommands(command):
        lines.append(".SH COMMANDS")
        for sub in subcommands(command):
            describe(sub, "")
        lines += [".SH EXIT STATUS", "0 success, 1 the driver answered an error or something is wrong, 64 wrong usage, 69 the "
                  "driver cannot be reached."]
    else:
        lines += [".SH EXIT STATUS", "0 after SIGTERM or SIGINT, 1 when serving ended otherwise, 64 when the configuration is "
                  "wrong; standard error says why.", ".SH SIGNALS", "SIGTERM and SIGINT end it after the calls that run; SIGUSR1 "
                  "logs what runs."]
    others = [other for other in SECTIONS if other != name]
    lines += [".SH SEE ALSO", ", ".join(f"\\fB{roff(other)}\\fR({SECTIONS[other]})" for other in others)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def main():
    binaries, out = sys.argv[1:]
    files = {}
    for name, section in SECTIONS.items():
        program = os.path.join(binaries, name)
        command = ask(program, "--experimental-dump-help")["command"]
        version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.split()[0]
        files[f"docs/reference/{name}.md"] = program_page(command)
        files[f"docs/man/{name}.{section}"] = man_page(command, version)
    reference = ask(os.path.join(binaries, "csictl"), "reference")
    files["docs/reference/parameters.md"] = parameters_page(reference)
    files["docs/reference/metrics.md"] = metrics_page(reference)
    for path, text in files.items():
        path = os.path.join(out, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)


main()
