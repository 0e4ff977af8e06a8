import CSIHost
import SystemPackage

extension FakeDirectoryTree {
    func unpackArchive(_ archive: FilePath, into destination: FilePath) async throws(HostError) {
        let (archive, call) = try place(archive, .unpack)
        let (destination, destinationCall) = try place(destination, .unpack)
        try await host.perform(call, to: destinationCall.path, by: process) { [position] (world) throws(HostError) in
            let file = try world.walk(archive, from: position, call)
            guard let node = world.nodes[file.node], node.kind == .regular else {
                throw call.failure(kind: .wrongType, detail: "an archive is a regular file")
            }
            let place = try world.walk(destination, from: position, destinationCall)
            try world.requireDirectory(place, destinationCall)
            try world.requireWritable(place, destinationCall)
            guard let entries = TarEntry.all(in: node.bytes.bytes) else {
                throw call.failure(kind: .programFailed, detail: "tar: this is no archive that the model can read")
            }
            for entry in entries { try world.unpack(entry, into: place, destinationCall) }
        }
    }
}

/// A directory or file in an archive that is not compressed.
struct TarEntry: Sendable {
    let path: FilePath
    let isDirectory: Bool
    let permissions: FilePermissions
    let userID: UInt32
    let groupID: UInt32
    let bytes: [UInt8]

    /// Reads a plain archive; nil when it is none.
    static func all(in bytes: [UInt8]) -> [TarEntry]? {
        var entries: [TarEntry] = []
        var position = 0
        while position + 512 <= bytes.count {
            let head = bytes[position..<position + 512]
            if head.allSatisfy({ $0 == 0 }) { return entries }
            func field(_ range: Range<Int>) -> String {
                let part = head[position + range.lowerBound..<position + range.upperBound]
                return String(decoding: part.prefix { $0 != 0 }, as: UTF8.self)
            }
            func number(_ range: Range<Int>) -> Int? { Int(field(range).filter { $0 != " " }, radix: 8) }
            guard field(257..<262) == "ustar", let size = number(124..<136), let mode = number(100..<108),
                let user = number(108..<116), let group = number(116..<124),
                position + 512 + size <= bytes.count
            else { return nil }
            let kind = head[position + 156]
            let path = FilePath(field(0..<100)).lexicallyNormalized()
            let start = position + 512
            entries.append(
                TarEntry(
                    path: path, isDirectory: kind == UInt8(ascii: "5"),
                    permissions: FilePermissions(rawValue: CModeT(mode & 0o7777)), userID: UInt32(clamping: user),
                    groupID: UInt32(clamping: group), bytes: Array(bytes[start..<start + size])))
            position = start + (size + 511) / 512 * 512
        }
        return nil
    }
}

extension FakeWorld {
    fileprivate mutating func unpack(
        _ entry: TarEntry, into place: FakePosition, _ call: FakeCall
    ) throws(HostError) {
        var node = place.node
        if entry.path.lastComponent != nil, entry.path != "." {
            let slot = try slot(entry.path, from: place, call)
            node =
                try slot.node
                ?? create(
                    slot, entry.isDirectory ? .directory(entries: [:], durable: [:]) : .file(entry.bytes),
                    entry.permissions, call)
        }
        nodes[node]?.permissions = entry.permissions
        nodes[node]?.userID = entry.userID
        nodes[node]?.groupID = entry.groupID
    }
}
