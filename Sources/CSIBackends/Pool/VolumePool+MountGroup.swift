public import CSICore
import CSIHost
import SystemPackage

/// VOLUME_MOUNT_GROUP: the group of a pod owns the root of the volume.
extension VolumePool {
    /// What the group may do in the volume's root, and what is made there belongs to it as well.
    private static let groupPermissions: FilePermissions = [.groupReadWriteExecute, .setGroupID]

    /// Gives the root of a volume to a group, durably enough: a power failure can undo it, and the next publish does it again.
    ///
    /// What is in the volume stays as it is: nothing is searched through, whatever the volume holds.
    func give(data id: VolumeID, toGroup group: UInt32) async throws(CSIError) {
        guard let component = id.pathComponent else { return }
        let tree = try tree()
        let data = PoolLayout.data(in: PoolLayout.volume(component))
        try await withHostErrors { () async throws(HostError) in
            guard let now = try await tree.metadata(of: data) else { return }
            let wanted = now.permissions.union(Self.groupPermissions)
            guard now.groupID != group || now.permissions != wanted else { return }
            try await tree.setOwner(data, userID: nil, groupID: group)
            try await tree.setPermissions(data, wanted)
        }
    }
}

extension MountAccess {
    /// The number of the group that shall own the volume's root; nil for none.
    /// - Throws: INVALID_ARGUMENT for a name: only the pod knows what it means.
    public func groupID() throws(CSIError) -> UInt32? {
        guard !group.isEmpty else { return nil }
        // All ones means nobody to the kernel.
        guard let number = UInt32(group), number < .max else {
            throw .invalid(
                "volume_capability.mount.volume_mount_group", "must be the number of a group, and is \"\(group)\"")
        }
        return number
    }
}
