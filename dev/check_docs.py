"""The parts of dev/check-docs: guides, examples, coverage, topics, docc. Prints one line for each; fails with what it found."""

import argparse
import concurrent.futures
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

# The guide, the package that it is about, and whether every line of the package is in it.
GUIDES = [("docs/tutorial.md", "Examples/ScratchDriver", True), ("docs/cloud-driver.md", "Examples/DigitalOcean", False)]
BLOCK = re.compile(r"^```swift *(?P<path>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def catalogs():
    """Module name to the folder of its documentation."""
    return {os.path.basename(path)[: -len(".docc")]: path for path in glob.glob("Sources/**/*.docc", recursive=True)}


def products():
    """The libraries that Package.swift offers."""
    with open("Package.swift") as file:
        return re.findall(r'\.library\(name: "(\w+)"', file.read())


def dedented(lines):
    width = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return [line[width:] for line in lines]


def check_guide(guide, example, is_whole):
    """Finds each block in the file that it names, and each line of the sources in a block where the guide is the whole example."""
    findings = []
    covered = {}
    with open(guide) as file:
        blocks = list(BLOCK.finditer(file.read()))
    for block in blocks:
        path = os.path.join(example, block["path"])
        if not block["path"] or not os.path.isfile(path):
            findings.append(f"{guide}: a block of Swift names no file of the example: {block['path']!r}")
            continue
        with open(path) as file:
            lines = file.read().splitlines()
        wanted = block["text"].splitlines()
        for start in range(len(lines) - len(wanted) + 1):
            if dedented(lines[start : start + len(wanted)]) == wanted:
                covered.setdefault(path, set()).update(range(start, start + len(wanted)))
                break
        else:
            findings.append(f"{guide}: not in {path}:\n" + "\n".join("    " + line for line in wanted))
    for path in sorted(glob.glob(f"{example}/Sources/**/*.swift", recursive=True)) if is_whole else []:
        with open(path) as file:
            for number, line in enumerate(file.read().splitlines()):
                if line.strip() not in ("", "}") and number not in covered.get(path, ()):
                    findings.append(f"{path}:{number + 1}: not in {guide}: {line}")
    return findings, len(blocks)


def check_guides():
    findings, count = [], 0
    for guide in GUIDES:
        found, blocks = check_guide(*guide)
        findings, count = findings + found, count + blocks
    return findings, f"{count} blocks"


def search_paths(build, checkouts):
    """Where the compiler finds our modules and the C modules below them."""
    paths = [f"{build}/Modules", f"{build}/CLinux.build", f"{build}/CBuild.build"]
    for folder in ("Sources", checkouts):
        for path in glob.glob(f"{folder}/**/module.modulemap", recursive=True):
            if not re.search(r"/(Tests|Benchmarks)/", path):
                paths.append(os.path.dirname(path))
    return [part for path in paths for part in ("-I", path)]


def check_examples(paths):
    """Type-checks the Swift of each landing page as a file of its own."""

    def check(page):
        with open(page) as file:
            texts = [block["text"] for block in BLOCK.finditer(file.read())]
        if not texts:
            return [f"{page}: has no example"]
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "Example.swift")
            with open(source, "w") as file:
                file.write("\n".join(texts))
            command = ["swiftc", "-typecheck", "-parse-as-library", "-swift-version", "6", "-warnings-as-errors"]
            done = subprocess.run(command + paths + [source], capture_output=True, text=True)
        return [] if done.returncode == 0 else [f"{page}: its example does not compile:\n{done.stderr}"]

    pages = [f"{folder}/{module}.md" for module, folder in sorted(catalogs().items())]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [finding for found in pool.map(check, pages) for finding in found]
    return findings, f"{len(pages)} pages"


def extract(module, paths, folder):
    """Writes the symbol graphs of a module into a folder of their own and reads the main one."""
    os.makedirs(folder)
    command = ["swift-symbolgraph-extract", "-module-name", module, "-minimum-access-level", "public"]
    command += ["-target", f"{platform.machine()}-unknown-linux-gnu", "-output-dir", folder]
    command += ["-skip-inherited-docs", "-skip-synthesized-members"]
    done = subprocess.run(command + paths, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"no symbol graph of {module}:\n{done.stderr}")


def symbols(folder):
    """The symbols that somebody wrote: what the compiler makes up has no place in a file."""
    for path in sorted(glob.glob(f"{folder}/*.symbols.json")):
        with open(path) as file:
            for symbol in json.load(file)["symbols"]:
                if "location" in symbol:
                    yield symbol


def check_coverage(graphs):
    findings = []
    count = 0
    for folder in graphs.values():
        for symbol in symbols(folder):
            count += 1
            if not any(line["text"].strip() for line in symbol.get("docComment", {}).get("lines", [])):
                place = symbol["location"]
                path = os.path.relpath(place["uri"].removeprefix("file://"))
                name = ".".join(symbol["pathComponents"])
                findings.append(f"{path}:{place['position']['line'] + 1}: {name} is not documented")
    return findings, f"{count} declarations"


def check_topics(graphs):
    findings = []
    count = 0
    folders = catalogs()
    for module in products():
        if module not in folders:
            findings.append(f"{module} has no {module}.docc/{module}.md")
            continue
        page = f"{folders[module]}/{module}.md"
        with open(page) as file:
            text = file.read()
        linked = set(re.findall(r"^- ``(.+)``$", text.partition("## Topics")[2], re.MULTILINE))
        graph = f"{graphs[module]}/{module}.symbols.json"
        with open(graph) as file:
            top = {s["pathComponents"][0] for s in json.load(file)["symbols"] if len(s["pathComponents"]) == 1}
        count += len(top)
        findings += [f"{page}: no topic links {name}" for name in sorted(top - linked)]
        findings += [f"{page}: a topic links {name}, which there is not" for name in sorted(linked - top)]
    return findings, f"{count} symbols"


def check_docc(graphs, scratch):
    folders = catalogs()

    def convert(module):
        command = ["docc", "convert", folders[module], "--additional-symbol-graph-dir", graphs[module]]
        command += ["--fallback-display-name", module, "--fallback-bundle-identifier", f"swift-csi.{module}"]
        command += ["--output-dir", f"{scratch}/{module}.doccarchive", "--warnings-as-errors"]
        command += ["--no-transform-for-static-hosting"]
        done = subprocess.run(command, capture_output=True, text=True)
        output = (done.stdout + done.stderr).strip()
        return [f"docc of {module}:\n{output}"] if done.returncode != 0 else []

    modules = [module for module in products() if module in folders]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [finding for found in pool.map(convert, modules) for finding in found]
    return findings, f"{len(modules)} libraries"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--checkouts", required=True)
    options = parser.parse_args()
    paths = search_paths(options.build, options.checkouts)
    scratch = tempfile.mkdtemp()
    failed = False
    try:
        graphs = {module: os.path.join(scratch, module) for module in products()}
        for module, folder in graphs.items():
            extract(module, paths, folder)
        for name, check in [
            ("guides", check_guides),
            ("examples", lambda: check_examples(paths)),
            ("coverage", lambda: check_coverage(graphs)),
            ("topics", lambda: check_topics(graphs)),
            ("docc", lambda: check_docc(graphs, scratch)),
        ]:
            findings, size = check()
            print(f"{name}: {size}, {len(findings)} findings" if findings else f"{name}: {size}, ok")
            for finding in findings:
                print(f"    {finding}")
            failed = failed or bool(findings)
    finally:
        shutil.rmtree(scratch)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
