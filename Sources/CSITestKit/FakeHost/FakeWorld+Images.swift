import CSIHost
import SystemPackage

extension FakeWorld {
    mutating func createImage(
        _ path: FilePath, from start: FakePosition, size: Int64, _ allocation: FileAllocation,
        _ permissions: FilePermissions, _ call: FakeCall
    ) throws(HostError) {
        let slot = try slot(path, from: start, call)
        var content = SparseBytes(zeros: size)
        if allocation == .allocated { content.allocate() }
        if slot.node == nil { try requireRoom(for: content.allocatedBytes, inodes: 1, in: slot.parent.node, call) }
        _ = try create(slot, .file(bytes: content, durable: content), permissions, call)
    }

    mutating func enlargeImage(
        _ path: FilePath, from start: FakePosition, to size: Int64, _ allocation: FileAllocation,
        isSynced: Bool = true, _ call: FakeCall
    ) throws(HostError) {
        let position = try walk(path, from: start, call)
        guard let node = nodes[position.node] else { throw call.failure(.noSuchFileOrDirectory) }
        try ImageRule.check(kind: node.kind, call.operation, at: call.path)
        try requireWritable(position, call)
        var content = node.bytes
        try ImageRule.check(growthFrom: content.count, to: size, at: call.path)
        content.resize(to: size)
        if allocation == .allocated {
            try requireRoom(for: content.missingRoom, in: position.node, call)
            content.allocate()
        }
        nodes[position.node]?.bytes = content
        if isSynced { nodes[position.node]?.sync() }
    }

    mutating func copyImage(
        _ source: FilePath, from start: FakePosition, to destination: FilePath, at place: FakePosition,
        _ options: CopyOptions, _ call: FakeCall
    ) throws(HostError) -> CopyOutcome {
        let origin = try walk(source, from: start, call)
        guard let node = nodes[origin.node] else { throw call.failure(.noSuchFileOrDirectory) }
        try ImageRule.check(kind: node.kind, call.operation, at: call.path)
        let slot = try slot(destination, from: place, call)
        guard slot.node == nil else { throw call.failure(.fileExists) }
        try requireWritable(slot.parent, call)
        guard let device = nodes[slot.parent.node]?.device else { throw call.failure(.noSuchFileOrDirectory) }
        let shares = options.sharing != .never && device == node.device && fileSystems[device]?.canShare == true
        if options.sharing == .required, !shares { throw ImageRule.cannotShare(call.path) }
        let content = shares ? node.bytes : node.bytes.copiedWithHoles
        if !shares { try requireRoom(for: content.allocatedBytes, inodes: 1, in: slot.parent.node, call) }
        let copy = try create(slot, .file(bytes: content, durable: content), options.permissions, call)
        if shares { nodes[copy]?.sharedBytes = content.allocatedBytes }
        return shares ? .reflink : .copied(bytes: min(content.count, content.dataBytes))
    }

    mutating func punchImage(
        _ path: FilePath, from start: FakePosition, _ range: Range<Int64>, _ call: FakeCall
    ) throws(HostError) {
        let position = try walk(path, from: start, call)
        guard let node = nodes[position.node] else { throw call.failure(.noSuchFileOrDirectory) }
        try ImageRule.check(kind: node.kind, call.operation, at: call.path)
        try requireWritable(position, call)
        nodes[position.node]?.bytes.punch(range)
    }

    /// What an interrupted copy leaves: the name, the size so far, and nothing of it durable.
    mutating func copyHalf(
        of source: FilePath, from start: FakePosition, to destination: FilePath, at place: FakePosition,
        _ call: FakeCall
    ) {
        guard let origin = try? walk(source, from: start, call), let node = nodes[origin.node],
            let slot = try? slot(destination, from: place, call)
        else { return }
        var half = node.bytes
        half.resize(to: half.count / 2)
        _ = try? create(slot, .file(bytes: half, durable: SparseBytes()), [.ownerReadWrite], call)
    }
}
