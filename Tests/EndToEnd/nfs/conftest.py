import itertools
import pathlib
import shutil
import subprocess
import tempfile

import pytest

import rig as rigs

_numbers = itertools.count()


def pytest_addoption(parser):
    parser.addoption("--outage", type=float, default=60, help="how long servers are away, in seconds")


@pytest.fixture
def outage(request):
    return request.config.getoption("--outage")


@pytest.fixture
def rig(request):
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="nfs-", dir="/run"))
    # Where servers are not to fail, one that answers late is no failure either.
    seconds = getattr(request.module, "SERVER_TIMEOUT", 60)
    made = rigs.Rig(scratch, "--server-timeout", str(seconds))
    yield made
    made.stop()
    for path in reversed(rigs.mounts(scratch)):
        subprocess.run(["umount", "-l", path], check=False)
    for number, name in ((1, "export"), (1, "squashed"), (2, "export")):
        for path in rigs.export(number, name).iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    shutil.rmtree(scratch, ignore_errors=True)


@pytest.fixture
def name():
    return f"pvc-{next(_numbers)}"
