"""The software bill of materials of an image, as SPDX 2.3: Debian packages with their files, Swift packages, the toolchain, us."""

import datetime
import hashlib
import json
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _debian(package):
    text = subprocess.run(["dpkg-query", "--show", "--showformat", "${Version}\t${Architecture}\t${source:Package}", package],
                          capture_output=True, text=True, check=True).stdout
    version, architecture, source = text.split("\t")
    return _package(f"deb-{package}", package, version, f"pkg:deb/debian/{package}@{version.replace('+', '%2B')}?arch={architecture}&distro=debian-12",
                    "NOASSERTION", f"source package {source}")


def _package(identity, name, version, purl, license_, comment=None):
    found = {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", identity), "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False, "licenseConcluded": "NOASSERTION", "licenseDeclared": license_, "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}],
    }
    if comment:
        found["comment"] = comment
    return found


def _swift_packages():
    with open(os.path.join(ROOT, "Package.resolved")) as file:
        for pin in json.load(file)["pins"]:
            place = pin["location"].removeprefix("https://").removesuffix(".git")
            version = pin["state"].get("version", pin["state"]["revision"])
            yield _package(f"swift-{pin['identity']}", pin["identity"], version, f"pkg:swift/{place}@{version}", "Apache-2.0",
                           f"revision {pin['state']['revision']}, linked into the programs")


def product_version():
    with open(os.path.join(ROOT, "Sources/CSICore/Runtime/Version.swift")) as file:
        return re.search(r'current = "([^"]+)"', file.read()).group(1)


def _toolchain():
    with open(os.path.join(ROOT, ".swift-version")) as file:
        version = file.read().strip()
    return _package("swift-runtime", "swift", version, f"pkg:swift/github.com/swiftlang/swift@{version}", "Apache-2.0 WITH Swift-exception",
                    "its standard library is linked into the programs")


def _file(path, root):
    with open(os.path.join(root, path.lstrip("/")), "rb") as file:
        data = file.read()
    return {"SPDXID": f"SPDXRef-file-{hashlib.sha256(path.encode()).hexdigest()[:16]}", "fileName": f".{path}",
            "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(data).hexdigest()},
                          {"algorithm": "SHA256", "checksumValue": hashlib.sha256(data).hexdigest()}],
            "licenseConcluded": "NOASSERTION", "copyrightText": "NOASSERTION"}


def _verified(package, files):
    """The package with the code over its files, which SPDX wants where they are listed."""
    sums = sorted(one["checksums"][0]["checksumValue"] for one in files)
    package["filesAnalyzed"] = True
    package["packageVerificationCode"] = {"packageVerificationCodeValue": hashlib.sha1("".join(sums).encode()).hexdigest()}


def document(image, files, root, epoch):
    """The document as JSON text, the same for the same content."""
    product = _package(image, image, product_version(), f"pkg:generic/swift-csi/{image}@{product_version()}", "Apache-2.0")
    packages, entries, relations = [product], [], [("SPDXRef-DOCUMENT", "DESCRIBES", product["SPDXID"])]
    for part in [*_swift_packages(), _toolchain()]:
        packages.append(part)
        relations.append((product["SPDXID"], "CONTAINS", part["SPDXID"]))
    ours = [f"/usr/bin/{name}" for name in (image, "csictl")]
    for owner, paths in [(None, ours), *sorted(files.items())]:
        package = product
        if owner is not None:
            package = _debian(owner)
            packages.append(package)
            relations.append((product["SPDXID"], "DEPENDS_ON", package["SPDXID"]))
        own = [_file(path, root) for path in sorted(paths) if not os.path.islink(os.path.join(root, path.lstrip("/")))]
        _verified(package, own)
        entries += own
        relations += [(package["SPDXID"], "CONTAINS", one["SPDXID"]) for one in own]
    content = {
        "packages": packages, "files": entries,
        "relationships": [{"spdxElementId": a, "relationshipType": b, "relatedSpdxElement": c} for a, b, c in relations],
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    created = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": image,
        "documentNamespace": f"urn:sha256:{digest}", "creationInfo": {"created": created, "creators": ["Tool: swift-csi-image"]},
    } | content, indent=1) + "\n"
