import CSIHost
import SystemPackage

extension FakeDirectoryTree {
    func hasSubvolumes() async throws(HostError) -> Bool {
        let call = FakeCall(operation: .inspectSubvolume, path: path)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            world.hasSubvolumes(at: position)
        }
    }

    func createSubvolume(_ path: FilePath, permissions: FilePermissions) async throws(HostError) {
        let (path, call) = try place(path, .createSubvolume)
        try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            try world.createSubvolume(path, from: position, permissions, call)
        }
    }

    func createSnapshot(of source: FilePath, at destination: FilePath, isReadOnly: Bool) async throws(HostError) {
        let (source, call) = try place(source, allowEmpty: true, .createSnapshot)
        let (destination, destinationCall) = try place(destination, .createSnapshot)
        try await host.perform(call, to: destinationCall.path, by: process) { [position] (world) throws(HostError) in
            try world.createSnapshot(of: source, at: destination, from: position, isReadOnly: isReadOnly, call)
        }
    }

    func setSubvolumeReadOnly(_ path: FilePath, _ isReadOnly: Bool) async throws(HostError) {
        let (path, call) = try place(path, allowEmpty: true, .setSubvolumeAccess)
        try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            let subvolume = try world.requireSubvolume(path, from: position, call)
            try world.requireWritableMount(subvolume, call)
            world.nodes[subvolume.node]?.subvolume?.isReadOnly = isReadOnly
        }
    }

    func subvolume(at path: FilePath) async throws(HostError) -> Subvolume? {
        let (path, call) = try place(path, allowEmpty: true, .inspectSubvolume)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            do throws(HostError) {
                return world.nodes[try world.walk(path, from: position, allowLink: true, call).node]?.subvolume
            } catch  where error.kind == .notFound {
                return nil
            }
        }
    }
}
