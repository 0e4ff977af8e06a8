import CSIHost
import SystemPackage

extension FakeDirectoryTree {
    func createFile(
        _ path: FilePath, size: Int64, allocation: FileAllocation, permissions: FilePermissions
    ) async throws(HostError) {
        let (path, call) = try place(path, .createFile)
        try ImageRule.check(size: size, .createFile, at: call.path)
        let position = position
        try await host.perform(
            call, by: process,
            interrupted: { world in
                try? world.createImage(path, from: position, size: size / 2, .sparse, [.ownerReadWrite], call)
            },
            { (world) throws(HostError) in
                try world.createImage(path, from: position, size: size, allocation, permissions, call)
            })
    }

    func writeNewFile(_ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions) async throws(HostError) {
        let (path, call) = try place(path, .createFile)
        let position = position
        try await host.perform(
            call, by: process,
            interrupted: { world in
                let half = Array(bytes.prefix(bytes.count / 2))
                try? world.writeNew(path, from: position, half, [.ownerReadWrite], call)
            },
            { (world) throws(HostError) in try world.writeNew(path, from: position, bytes, permissions, call) })
    }

    func setFileSize(_ path: FilePath, to size: Int64, allocation: FileAllocation) async throws(HostError) {
        let (path, call) = try place(path, .setFileSize)
        try ImageRule.check(size: size, .setFileSize, at: call.path)
        let position = position
        try await host.perform(
            call, by: process,
            interrupted: { world in
                guard let old = try? world.metadata(of: path, from: position, call)?.size, old < size else { return }
                // The size comes at once, the room piece by piece, and nothing is synced yet.
                let reached = allocation == .sparse ? size : old + (size - old) / 2
                try? world.enlargeImage(path, from: position, to: reached, .sparse, isSynced: false, call)
            },
            { (world) throws(HostError) in
                try world.enlargeImage(path, from: position, to: size, allocation, call)
            })
    }

    func copyFile(
        from source: FilePath, in origin: any DirectoryTree, to destination: FilePath, options: CopyOptions
    ) async throws(HostError) -> CopyOutcome {
        guard let origin = origin as? FakeDirectoryTree, origin.host === host else {
            throw TreeCopyRule.foreignTree(origin, .copyFile)
        }
        let (source, call) = try origin.place(source, .copyFile)
        let (destination, destinationCall) = try place(destination, .copyFile)
        let (position, start) = (position, origin.position)
        if Task.isCancelled { throw destinationCall.failure(kind: .cancelled) }
        let (outcome, size) = try await host.perform(
            call, to: destinationCall.path, by: process,
            interrupted: { $0.copyHalf(of: source, from: start, to: destination, at: position, call) },
            { (world) throws(HostError) -> (CopyOutcome, Int64) in
                let outcome = try world.copyImage(source, from: start, to: destination, at: position, options, call)
                return (outcome, try world.metadata(of: destination, from: position, call)?.size ?? 0)
            })
        if case .copied(let bytes) = outcome {
            options.progress?(CopyProgress(copiedBytes: bytes, position: size, totalBytes: size))
        }
        return outcome
    }

    func isOpen(_ path: FilePath) async throws(HostError) -> Bool {
        let (path, call) = try place(path, .metadata)
        return try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            let file = try world.walk(path, from: position, call).node
            guard let node = world.nodes[file] else { throw call.failure(.noSuchFileOrDirectory) }
            try ImageRule.check(kind: node.kind, .metadata, at: call.path)
            return world.devices.values.contains { $0.loop?.file == file }
        }
    }

    func punchHole(in path: FilePath, at offset: Int64, length: Int64) async throws(HostError) {
        let (path, call) = try place(path, .punchHole)
        try ImageRule.check(hole: offset, length: length, at: call.path)
        try await host.perform(call, by: process) { [position] (world) throws(HostError) in
            try world.punchImage(path, from: position, offset..<(offset + length), call)
        }
    }
}
