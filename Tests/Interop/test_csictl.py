"""What an operator does with csictl on a node."""

import json
import os
import subprocess
import tarfile

import pytest

import calls
import driver
import trees
from calls import csi
from loopback import LoopRig, Volume


def csictl(*arguments, status=0, **environment):
    result = subprocess.run(
        [driver.BIN / "csictl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, env=driver.clean_environment(**environment))
    assert status is None or result.returncode == status, f"{result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def report(*arguments, status=0):
    return json.loads(csictl(*arguments, "--json", status=status).stdout)


def flags(binary):
    """The flags of a driver, for csictl: other tests' drivers may run on the same machine."""
    return ["--", *binary.arguments[1:]]


@pytest.fixture
def node(own_rig):
    page = own_rig.scratch / "http.sock"
    own_rig.node.arguments += ["--with-controller", "--http-endpoint", f"unix://{page}"]
    return own_rig.node.start()


def with_flags(command, binary, *more, status=0):
    return json.loads(csictl(*command, "--json", *more, *flags(binary), status=status).stdout)


def test_doctor_of_a_well_driver(node):
    [found] = with_flags(["doctor"], node)["drivers"]
    assert found["driver"] == driver.DRIVER_NAME
    outcomes = {one["check"]: one["outcome"] for one in found["findings"]}
    assert outcomes["kernel.openat2"] == outcomes["driver.answer"] == outcomes["pool.directory"] == "met"
    text = csictl("doctor", *flags(node)).stdout
    assert "checks passed" in text or "need a look" in text


def test_doctor_finds_running_drivers_by_itself(node):
    # Other drivers may run on this machine, well or not.
    found = report("doctor", status=None)["drivers"]
    assert node.process.pid in [one.get("process") for one in found]


def test_doctor_of_a_sick_machine(own_rig):
    node = own_rig.node
    node.arguments += ["--require-pool-mount", "--kubelet-dir", "/no-such-kubelet"]
    [found] = with_flags(["doctor"], node, status=1)["drivers"]
    wrong = {one["check"]: one for one in found["findings"] if one["outcome"] != "met"}
    assert wrong["pool.mount"]["outcome"] == "waiting" and "mount the disk" in wrong["pool.mount"]["fix"]
    assert wrong["mounts.shared"]["outcome"] == "waiting"
    assert wrong["driver.answer"]["outcome"] == "failed"
    text = csictl("doctor", *flags(node), status=1).stdout
    assert "WAITING  pool.mount" in text and "fix: mount the disk" in text


def test_doctor_of_a_wrong_configuration():
    [found] = json.loads(csictl("doctor", "--json", "--", "--backend", "floppy", status=1).stdout)["drivers"]
    assert any("floppy" in one["message"] for one in found["findings"])


def test_without_a_driver_the_tool_says_how_to_name_one():
    result = csictl("volumes", "--", "--pool", "/x", status=64)
    assert "--endpoint" in result.stderr


def test_volumes_and_leftovers_of_a_pool(own_rig, node):
    with node.connect() as client:
        shown = calls.create(client, "shown")
        target = own_rig.targets / "pod"
        calls.publish(client, shown, target)
        calls.create(client, "damaged")
    record = own_rig.pool / "volumes" / "damaged" / "volume"
    record.write_text("nonsense")
    [pool] = with_flags(["volumes"], node)["pools"]
    assert pool["driver"] == driver.DRIVER_NAME and pool["promised_bytes"] == calls.GIB
    volumes = {one["id"]: one for one in pool["volumes"]}
    assert volumes["shown"]["state"] == "served"
    assert [mount["path"] for mount in volumes["shown"]["mounts"]] == [str(target)]
    # The pool is a tmpfs, and nothing holds its sizes.
    assert volumes["shown"]["quota"] == "none" and "quota" not in volumes["damaged"]
    assert volumes["damaged"]["state"] == "set aside" and "cannot be used" in volumes["damaged"]["problem"]
    text = csictl("volumes", "--long", *flags(node)).stdout
    assert f"mounted at {target}" in text and "set aside" in text
    assert text.splitlines()[1].split()[5] == "QUOTA"
    # While a controller runs, what it may be working on is not touched.
    (own_rig.pool / "volumes" / "half.partial").mkdir()
    (own_rig.pool / ".trash" / "old.0123").mkdir()
    dry = with_flags(["gc", "--dry-run"], node)["leftovers"]
    assert sorted(one["kind"] for one in dry) == ["partial", "trash"]
    kept = with_flags(["gc", "--yes"], node, status=1)["leftovers"]
    assert all("managed by another running controller" in one["problem"] for one in kept)
    assert (own_rig.pool / "volumes" / "half.partial").is_dir()
    node.kill()
    gone = with_flags(["gc", "--yes"], node)["leftovers"]
    assert len(gone) == 2 and not any(one.get("problem") for one in gone)
    assert own_rig.leftovers() == []
    assert (own_rig.pool / "volumes" / "shown").is_dir() and record.read_text() == "nonsense"
    subprocess.run(["umount", str(target)], check=True)


def test_snapshots_of_a_pool(own_rig, node):
    with node.connect() as client:
        volume = calls.create(client, "source")
        single, damaged = trees.take(client, volume, "single"), trees.take(client, volume, "damaged")
        group = client.group.CreateVolumeGroupSnapshot(csi.CreateVolumeGroupSnapshotRequest(
            name="group", source_volume_ids=[volume.volume_id])).group_snapshot
    (own_rig.pool / "snapshots" / damaged.snapshot_id / "snapshot").write_text("nonsense")
    (own_rig.pool / "snapshots" / "empty").mkdir()
    [pool] = with_flags(["snapshots"], node)["pools"]
    assert pool["driver"] == driver.DRIVER_NAME and "volumes" not in pool
    shown = {one["id"]: one for one in pool["snapshots"]}
    assert shown[single.snapshot_id]["state"] == "ready"
    assert shown[single.snapshot_id]["source_volume_id"] == volume.volume_id
    assert shown[single.snapshot_id]["size_bytes"] == volume.capacity_bytes
    assert shown[single.snapshot_id]["created_at"] == single.creation_time.ToDatetime().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert shown[damaged.snapshot_id]["state"] == "set aside"
    assert "cannot be used" in shown[damaged.snapshot_id]["problem"]
    member, = group.snapshots
    assert shown[member.snapshot_id]["group"] == group.group_snapshot_id
    assert list(shown) == sorted(shown)
    # It works while the driver is down.
    node.kill()
    text = csictl("snapshots", "--long", *flags(node)).stdout
    assert "4 snapshots" in text and "single" in text and "of group group" in text and "set aside: " in text
    other = own_rig.scratch / "other"
    other.mkdir()
    arguments = [str(other) if one == str(own_rig.pool) else one for one in node.arguments[1:]]
    assert "0 snapshots" in csictl("snapshots", "--", *arguments).stdout


def test_devices_that_nothing_stages_are_leftovers():
    with LoopRig("ext4", size=4 << 30) as rig:
        rig.node.arguments += ["--with-controller"]
        rig.node.start()
        with rig.node.connect() as client:
            used = Volume(rig, "used", fs="ext4").create(client, 64 << 20).stage(client)
            lost = Volume(rig, "lost", fs="ext4").create(client, 64 << 20).stage(client)
            other = Volume(rig, "repaired", fs="ext4").create(client, 64 << 20)
        # Somebody unmounts behind the driver's back, and somebody repairs an image.
        subprocess.run(["umount", str(lost.staging)], check=True)
        subprocess.run(["losetup", "-f", str(rig.pool / "volumes" / other.id / "image")], check=True)
        [pool] = with_flags(["volumes"], rig.node)["pools"]
        volumes = {one["id"]: one for one in pool["volumes"]}
        assert volumes[used.id]["mounts"][0]["path"] == str(used.staging)
        assert volumes[lost.id]["mounts"] == [] and len(volumes[lost.id]["devices"]) == 1
        assert volumes[lost.id]["settings"]["file_system"] == "ext4"
        found = with_flags(["gc", "--dry-run"], rig.node)["leftovers"]
        assert [(one["kind"], one["volume"], [one["path"]]) for one in found] == [
            ("device", lost.id, volumes[lost.id]["devices"])]
        assert len(rig.devices()) == 3
        gone = with_flags(["gc", "--yes"], rig.node)["leftovers"]
        assert len(gone) == 1 and not gone[0].get("problem")
        assert len(rig.devices()) == 2
        with rig.node.connect() as client:
            lost.use(client)
            lost.rest(client)
            used.unstage(client)
        assert rig.node.stop() == 0, rig.node.log()


def test_bench(own_rig, node):
    for workload in ("probe", "volumes", "publish"):
        found = report(
            "--endpoint", f"unix://{node.socket}", "bench", "--workload", workload, "--seconds", "1", "--concurrency", "4",
            "--volume-size", "1Mi", "--target-dir", own_rig.targets / "bench")["methods"]
        assert found and all(one["calls"] > 0 and one["p50_milliseconds"] > 0 for one in found), found
    assert list((own_rig.pool / "volumes").iterdir()) == []
    assert not (own_rig.targets / "bench").exists()


def test_support_bundle(own_rig, node, tmp_path):
    with node.connect() as client:
        calls.create(client, "bundled")
    output = tmp_path / "bundle.tar"
    secret = "CSI_ADMIN_TOKEN"
    csictl("support-bundle", "--output", output, *flags(node), **{secret: "hunter2"})
    assert os.stat(output).st_mode & 0o777 == 0o600
    assert b"hunter2" not in output.read_bytes()
    with tarfile.open(output) as archive:
        texts = {member.name: archive.extractfile(member).read().decode() for member in archive}
    assert json.loads(texts["csi-support/versions.json"])["csictl"]
    assert "bundled" in texts["csi-support/records-default-volumes.txt"]
    assert json.loads(texts["csi-support/doctor.json"])[0]["driver"] == driver.DRIVER_NAME
    assert any("csi_pool_capacity_bytes" in text for name, text in texts.items() if "metrics" in name)
    # What is there stays.
    csictl("support-bundle", "--output", output, *flags(node), status=64)


def test_capabilities_of_all_services(node):
    found = report("--endpoint", f"unix://{node.socket}", "capabilities")
    assert "CREATE_DELETE_VOLUME" in found["controller"] and "GET_VOLUME_STATS" in found["node"]
    assert "CREATE_DELETE_VOLUME" in csictl("--endpoint", f"unix://{node.socket}", "capabilities").stdout


def test_conformance_as_json(own_rig, node):
    found = report(
        "--endpoint", f"unix://{node.socket}", "conformance", "--volume-size", "1Mi", "--only", "identity/*",
        "--target-dir", own_rig.targets / "c", "--staging-dir", own_rig.targets / "s")
    assert found["failed"] == 0 and found["rows"]
