"""A volume from its creation to its deletion, as a container orchestrator walks it."""

import errno
import os

import pytest

import calls
import driver
from calls import GIB, Code, Mode, csi, refused


def test_whole_life(rig, controller, node, names, target):
    volume = calls.create(controller, next(names))
    assert volume.volume_id in calls.list_ids(controller)

    calls.publish(node, volume, target)
    assert "rw" in driver.mount_options(target)
    (target / "greeting").write_text("hello")
    assert (target / "greeting").read_text() == "hello"
    calls.unpublish(node, volume.volume_id, target)
    assert not target.exists()

    calls.publish(node, volume, target)
    assert (target / "greeting").read_text() == "hello", "the data did not outlive the pod"
    calls.unpublish(node, volume.volume_id, target)

    calls.delete(controller, volume.volume_id)
    assert volume.volume_id not in calls.list_ids(controller)
    assert not rig.leftovers()
    assert not [path for path in rig.pool.rglob("greeting")], "the data outlived the volume"


def test_every_step_ten_times(controller, node, names, target):
    name = next(names)
    ids = {calls.create(controller, name).volume_id for _ in range(10)}
    assert len(ids) == 1
    volume = calls.create(controller, name)
    for _ in range(10):
        calls.publish(node, volume, target)
    assert len(driver.mount_points(target.parent)) == 1, "a repeated publish stacked mounts"
    for _ in range(10):
        assert calls.stats(node, volume.volume_id, target).usage
    for _ in range(10):
        calls.unpublish(node, volume.volume_id, target)
    for _ in range(10):
        calls.delete(controller, volume.volume_id)


# Creating


def test_create_answers_what_it_made(controller, volume):
    assert volume.volume_id
    assert volume.capacity_bytes >= GIB
    assert [dict(one.segments) for one in volume.accessible_topology] == [
        {f"topology.{driver.DRIVER_NAME}/node": driver.NODE_ID}]


def test_create_again_is_the_same_volume(controller, names):
    name = next(names)
    first = calls.create(controller, name)
    assert calls.create(controller, name) == first
    calls.delete(controller, first.volume_id)


@pytest.mark.parametrize("size, change, field", [
    (2 * GIB, {"limit": 3 * GIB}, "capacity"),
    (GIB, {"volume_capabilities": [calls.capability(flags=["noexec"])]}, "capabilit"),
], ids=["capacity", "capabilities"])
def test_create_with_other_arguments_names_what_differs(controller, names, size, change, field):
    name = next(names)
    first = calls.create(controller, name, GIB, limit=GIB)
    with refused(Code.ALREADY_EXISTS, naming=field):
        calls.create(controller, name, size, **{"limit": GIB, **change})
    calls.delete(controller, first.volume_id)


def test_parameters_that_nobody_knows_are_refused(controller, names):
    with refused(Code.INVALID_ARGUMENT, naming="no-such-parameter"):
        calls.create(controller, next(names), parameters={"no-such-parameter": "value"})


def test_capacity_beyond_the_pool(controller, names):
    with refused(Code.OUT_OF_RANGE, Code.RESOURCE_EXHAUSTED):
        calls.create(controller, next(names), 1 << 60)


def test_limit_is_honoured(controller, names):
    volume = calls.create(controller, next(names), GIB, limit=GIB)
    assert volume.capacity_bytes == GIB
    calls.delete(controller, volume.volume_id)


def test_a_volume_for_another_node_has_no_room_here(controller, names):
    elsewhere = csi.Topology(segments={f"topology.{driver.DRIVER_NAME}/node": "node-2"})
    with refused(Code.RESOURCE_EXHAUSTED):
        calls.create(controller, next(names), accessibility_requirements=csi.TopologyRequirement(
            requisite=[elsewhere], preferred=[elsewhere]))


def test_an_absent_content_source_is_not_found(controller, names):
    source = csi.VolumeContentSource(volume=csi.VolumeContentSource.VolumeSource(volume_id="any"))
    with refused(Code.NOT_FOUND):
        calls.create(controller, next(names), volume_content_source=source)


def test_delete_of_a_volume_in_use(controller, node, volume, target):
    calls.publish(node, volume, target)
    (target / "precious").write_text("data")
    with refused(Code.FAILED_PRECONDITION):
        calls.delete(controller, volume.volume_id)
    assert (target / "precious").read_text() == "data"
    calls.unpublish(node, volume.volume_id, target)


# Looking


def test_validate_confirms_what_it_was_asked(controller, volume):
    asked = [calls.capability()]
    answer = controller.controller.ValidateVolumeCapabilities(csi.ValidateVolumeCapabilitiesRequest(
        volume_id=volume.volume_id, volume_capabilities=asked, volume_context=volume.volume_context))
    assert list(answer.confirmed.volume_capabilities) == asked


def test_validate_does_not_confirm_what_it_cannot_do(controller, volume):
    answer = controller.controller.ValidateVolumeCapabilities(csi.ValidateVolumeCapabilitiesRequest(
        volume_id=volume.volume_id, volume_capabilities=[calls.capability(block=True)]))
    assert not answer.HasField("confirmed")
    assert answer.message


def test_list_in_pages(controller, names):
    made = {calls.create(controller, next(names)).volume_id for _ in range(7)}
    for page in (0, 1, 3, 1000):
        ids = calls.list_ids(controller, page)
        assert len(ids) == len(set(ids))
        assert made <= set(ids)
    first = controller.controller.ListVolumes(csi.ListVolumesRequest(max_entries=3))
    assert len(first.entries) == 3 and first.next_token
    for volume_id in made:
        calls.delete(controller, volume_id)
    assert not made & set(calls.list_ids(controller))


def test_pages_survive_a_deletion(controller, names):
    made = [calls.create(controller, next(names)).volume_id for _ in range(6)]
    first = controller.controller.ListVolumes(csi.ListVolumesRequest(max_entries=2))
    for entry in first.entries:
        calls.delete(controller, entry.volume.volume_id)
    rest = controller.controller.ListVolumes(csi.ListVolumesRequest(starting_token=first.next_token))
    listed = {entry.volume.volume_id for entry in (*first.entries, *rest.entries)}
    assert set(made) <= listed
    for volume_id in made:
        calls.delete(controller, volume_id)


@pytest.mark.parametrize("token", ["invalid-token", "x", "-1", "99999999", "\u00e9", "a" * 100])
def test_list_with_a_bad_token(controller, token):
    with refused(Code.ABORTED):
        controller.controller.ListVolumes(csi.ListVolumesRequest(starting_token=token))


def test_get_volume(controller, volume):
    answer = controller.controller.ControllerGetVolume(csi.ControllerGetVolumeRequest(volume_id=volume.volume_id))
    assert answer.volume.volume_id == volume.volume_id
    assert answer.volume.capacity_bytes == volume.capacity_bytes
    assert not answer.status.volume_condition.abnormal


def test_capacity_is_the_free_space_without_the_reserve(rig, controller):
    free = os.statvfs(rig.pool)
    answer = controller.controller.GetCapacity(csi.GetCapacityRequest())
    total = free.f_blocks * free.f_frsize
    # What other tests have been promised and a twentieth of all that stays free are not given out.
    assert 0 < answer.available_capacity <= free.f_bavail * free.f_frsize - total // 20
    assert answer.available_capacity > free.f_bavail * free.f_frsize - total // 20 - 64 * GIB


def test_capacity_elsewhere_is_none(controller):
    elsewhere = csi.Topology(segments={f"topology.{driver.DRIVER_NAME}/node": "node-2"})
    answer = controller.controller.GetCapacity(csi.GetCapacityRequest(accessible_topology=elsewhere))
    assert answer.available_capacity == 0


# Publishing


@pytest.fixture
def published(node, volume, target):
    calls.publish(node, volume, target)
    yield target
    calls.unpublish(node, volume.volume_id, target)


def test_publish_again_with_the_same_arguments(node, volume, published):
    (published / "file").write_text("kept")
    calls.publish(node, volume, published)
    assert (published / "file").read_text() == "kept"
    assert len(driver.mount_points(published, itself=True)) == 1


@pytest.mark.parametrize("change, field", [
    ({"readonly": True}, "readonly"),
    ({"flags": ["noexec"]}, "flags"),
], ids=["readonly", "mount_flags"])
def test_publish_again_with_other_arguments(node, volume, published, change, field):
    with refused(Code.ALREADY_EXISTS, naming=field):
        calls.publish(node, volume, published, **change)
    assert "rw" in driver.mount_options(published)
    (published / "still").write_text("writable")


def test_publish_another_volume_at_the_same_target(controller, node, names, published):
    other = calls.create(controller, next(names))
    with refused(Code.ALREADY_EXISTS):
        calls.publish(node, other, published)
    calls.delete(controller, other.volume_id)


def test_publish_read_only(node, volume, target):
    calls.publish(node, volume, target, readonly=True)
    assert "ro" in driver.mount_options(target)
    with pytest.raises(OSError) as caught:
        (target / "file").write_text("no")
    assert caught.value.errno == errno.EROFS
    with refused(Code.ALREADY_EXISTS, naming="readonly"):
        calls.publish(node, volume, target)
    calls.unpublish(node, volume.volume_id, target)


def test_read_only_at_a_second_target(rig, controller, node, names, target, shared_mode):
    volume = calls.create(controller, next(names), mode=shared_mode)
    second = target.parent / "second"
    calls.publish(node, volume, target, mode=shared_mode)
    calls.publish(node, volume, second, mode=shared_mode, readonly=True)
    (target / "file").write_text("shared")
    assert (second / "file").read_text() == "shared"
    with pytest.raises(OSError) as caught:
        (second / "file").write_text("no")
    assert caught.value.errno == errno.EROFS
    calls.unpublish(node, volume.volume_id, target)
    assert (second / "file").read_text() == "shared"
    calls.unpublish(node, volume.volume_id, second)
    calls.delete(controller, volume.volume_id)


def test_single_writer_has_one_target(controller, node, names, target):
    if "SINGLE_NODE_MULTI_WRITER" in calls.node_capabilities(node):
        mode = Mode.SINGLE_NODE_SINGLE_WRITER
    else:
        mode = Mode.SINGLE_NODE_WRITER
    volume = calls.create(controller, next(names), mode=mode)
    calls.publish(node, volume, target, mode=mode)
    second = target.parent / "second"
    with refused(Code.FAILED_PRECONDITION):
        calls.publish(node, volume, second, mode=mode)
    assert not second.exists()
    calls.unpublish(node, volume.volume_id, target)
    calls.delete(controller, volume.volume_id)


@pytest.mark.parametrize("flags, shown", [
    (["noexec"], {"noexec"}),
    (["nosuid", "nodev"], {"nosuid", "nodev"}),
    (["ro"], {"ro"}),
    (["noatime"], {"noatime"}),
])
def test_mount_flags(node, volume, target, flags, shown):
    calls.publish(node, volume, target, flags=flags)
    assert shown <= set(driver.mount_options(target))
    calls.unpublish(node, volume.volume_id, target)


def test_unknown_mount_flags_are_refused(node, volume, target):
    with refused(Code.INVALID_ARGUMENT, naming="no-such-flag"):
        calls.publish(node, volume, target, flags=["no-such-flag"])
    assert not target.exists()


def test_publish_of_an_unknown_volume(node, target):
    with refused(Code.NOT_FOUND):
        calls.publish(node, csi.Volume(volume_id="no-such-volume"), target)
    assert not target.exists()


def test_publish_onto_a_folder_that_exists(node, volume, target):
    target.mkdir()
    calls.publish(node, volume, target)
    assert driver.mount_options(target)
    calls.unpublish(node, volume.volume_id, target)


def test_paths_with_unusual_characters(node, volume, target):
    odd = target.parent / "a space\\and \u00e9 \"quotes\"\tand tab"
    calls.publish(node, volume, odd)
    assert driver.mount_options(odd)
    calls.publish(node, volume, odd)
    calls.unpublish(node, volume.volume_id, odd)
    assert not odd.exists()


def test_publish_does_not_follow_a_link(rig, node, volume, target):
    victim = rig.scratch / "victim"
    victim.mkdir()
    target.symlink_to(victim)
    code = calls.code_of(calls.publish, node, volume, target)
    assert code in (Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION, Code.INTERNAL)
    assert driver.mount_options(victim) is None
    target.unlink()
    victim.rmdir()


def test_data_under_the_target_is_never_removed(node, volume, target):
    target.mkdir()
    (target / "not-ours").write_text("keep")
    code = calls.code_of(calls.publish, node, volume, target)
    calls.code_of(calls.unpublish, node, volume.volume_id, target)
    assert driver.mount_options(target) is None
    assert (target / "not-ours").read_text() == "keep", f"publish answered {code}"
    (target / "not-ours").unlink()
    if target.exists():
        target.rmdir()


def test_unpublish_of_what_is_not_published(node, volume, target):
    calls.unpublish(node, volume.volume_id, target)
    calls.unpublish(node, "no-such-volume", target)


def test_unpublish_while_a_file_is_open(node, volume, target):
    calls.publish(node, volume, target)
    with open(target / "open", "w") as held:
        calls.code_of(calls.unpublish, node, volume.volume_id, target)
        held.write("late")
    calls.unpublish(node, volume.volume_id, target)
    assert driver.mount_options(target) is None


# Statistics


def test_stats(node, volume, published):
    answer = calls.stats(node, volume.volume_id, published)
    units = {usage.unit: usage for usage in answer.usage}
    assert set(units) == {csi.VolumeUsage.BYTES, csi.VolumeUsage.INODES}
    for usage in answer.usage:
        assert usage.total > 0
        assert 0 <= usage.used <= usage.total
        assert 0 <= usage.available <= usage.total
    assert not answer.volume_condition.abnormal


@pytest.mark.parametrize("path", ["some/path", "/some/path", "/tmp"])
def test_stats_where_it_is_not_published(node, volume, published, path):
    with refused(Code.NOT_FOUND):
        calls.stats(node, volume.volume_id, path)


def test_stats_of_another_volume_at_this_path(controller, node, names, published):
    other = calls.create(controller, next(names))
    with refused(Code.NOT_FOUND):
        calls.stats(node, other.volume_id, published)
    calls.delete(controller, other.volume_id)
