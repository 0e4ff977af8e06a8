#!/usr/bin/env python3
"""Makes the file tree of an image from this machine's Debian packages and the programs of dev/release.

    deploy/image/tree.py packages IMAGE              the Debian packages that must be installed
    deploy/image/tree.py build IMAGE BIN_DIR TREE    the tree, with its SBOM at usr/share/sbom/IMAGE.spdx.json

A program brings the libraries that it names (and those that they name), each file the package that it is of: its copyright, and an
entry for scanners. Times are SOURCE_DATE_EPOCH, so the same packages and programs give the same tree.
"""

import glob
import os
import re
import shutil
import stat
import subprocess
import sys

import sbom

HERE = os.path.dirname(os.path.abspath(__file__))
# The folders that Debian keeps in /usr, with links where they were.
MERGED = ("bin", "sbin", "lib", "lib64")
DIRECTORIES = {"csi": 0o755, "dev": 0o755, "etc": 0o755, "proc": 0o555, "run": 0o755, "sys": 0o555, "tmp": 0o1777, "var/lib": 0o755}
ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/:/none\n",
    "etc/group": "root:x:0:\nnonroot:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def listed(image):
    """The packages of an image's list, with the files that it takes of each."""
    found = {}
    with open(os.path.join(HERE, f"{image}.files")) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                package, *patterns = line.split()
                # A pattern is for the folder that is named after the machine's architecture.
                found[package] = [path for pattern in patterns for path in sorted(glob.glob(pattern)) or [pattern]]
    return found


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def merged(path):
    """Where a file lies when its folder's link is followed."""
    first = path.lstrip("/").split("/", 1)[0]
    return "/usr" + path if first in MERGED else path


def package_of(path):
    """The package that a file is of, as Debian's database knows it: under either name."""
    for name in dict.fromkeys((path, merged(path), merged(path).removeprefix("/usr"))):
        done = subprocess.run(["dpkg-query", "--search", name], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.split(":")[0].split(",")[0]
    raise SystemExit(f"tree: {path} is of no package")


def libraries(path):
    """The shared libraries that a program starts with, its loader among them."""
    done = subprocess.run(["ldd", path], capture_output=True, text=True)
    if "not a dynamic executable" in done.stderr + done.stdout:
        return []
    if done.returncode != 0 or "not found" in done.stdout:
        raise SystemExit(f"tree: ldd {path}: {done.stdout}{done.stderr}")
    return re.findall(r"(?:=> )?(/\S+) \(0x", done.stdout)


class Tree:
    def __init__(self, root):
        self.root = root
        # Package to the files that are of it.
        self.files = {}
        os.makedirs(os.path.join(root, "usr"))
        for name in MERGED:
            os.makedirs(os.path.join(root, "usr", name), exist_ok=True)
            os.symlink(f"usr/{name}", os.path.join(root, name))
        for name, mode in DIRECTORIES.items():
            os.makedirs(os.path.join(root, name), exist_ok=True)
            os.chmod(os.path.join(root, name), mode)
        for name, text in ACCOUNTS.items():
            self.write(name, text)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)

    def take(self, path):
        """A file of this machine with what it needs: the target of a link, the libraries of a program."""
        place = os.path.join(self.root, merged(path).lstrip("/"))
        if os.path.lexists(place):
            return
        os.makedirs(os.path.dirname(place), exist_ok=True)
        self.files.setdefault(package_of(path), []).append(merged(path))
        if os.path.islink(path):
            target = os.path.join(os.path.dirname(path), os.readlink(path))
            os.symlink(os.readlink(path), place)
            self.take(os.path.normpath(target))
            return
        shutil.copyfile(path, place)
        os.chmod(place, stat.S_IMODE(os.stat(path).st_mode) & 0o755)
        with open(path, "rb") as file:
            if file.read(4) == b"\x7fELF" and ".so" not in os.path.basename(path):
                for library in libraries(path):
                    self.take(library)

    def program(self, path):
        """One of our own, without its debugging information."""
        place = os.path.join(self.root, "usr/bin", os.path.basename(path))
        subprocess.run(["strip", "--strip-all", "-o", place, path], check=True)
        os.chmod(place, 0o755)
        for library in libraries(path):
            self.take(library)

    def describe(self):
        """Copyrights, and the entries by which a scanner finds the packages."""
        for package in sorted(self.files):
            self.take_copyright(package)
            status = run("dpkg-query", "--status", package)
            kept = re.findall(r"^((?:Package|Status|Maintainer|Architecture|Source|Version|Description): .*)$", status, re.MULTILINE)
            self.write(f"var/lib/dpkg/status.d/{package}", "\n".join(kept) + "\n")

    def take_copyright(self, package):
        path = f"/usr/share/doc/{package}/copyright"
        # A minimal system leaves the documents out; the package's name and version say where it is.
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                self.write(f"usr/share/doc/{package}/copyright", file.read())

    def settle(self, epoch):
        """One time for everything, folders last."""
        for folder, names, files in os.walk(self.root, topdown=False):
            for name in names + files:
                os.utime(os.path.join(folder, name), (epoch, epoch), follow_symlinks=False)
        os.utime(self.root, (epoch, epoch))


def build(image, binaries, root):
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
    os.umask(0o022)
    os.makedirs(root)
    tree = Tree(root)
    for package, files in listed(image).items():
        for path in files:
            if (owner := package_of(path)) != package:
                raise SystemExit(f"tree: {path} is of {owner}, and {image}.files says {package}")
            tree.take(path)
    for name in (image, "csictl"):
        tree.program(os.path.join(binaries, name))
    os.symlink("/proc/self/mounts", os.path.join(root, "etc/mtab"))
    os.symlink("../usr/lib/os-release", os.path.join(root, "etc/os-release"))
    tree.describe()
    tree.write(f"usr/share/sbom/{image}.spdx.json", sbom.document(image, tree.files, root, epoch))
    tree.settle(epoch)


def main():
    match sys.argv[1:]:
        case ["packages", image]:
            print(*listed(image))
        case ["build", image, binaries, root]:
            build(image, binaries, root)
        case _:
            raise SystemExit(__doc__)


main()
