import CSIProto
import CSITransport

/// What CSI says about the values of a request.
enum Check {
    static func id(_ text: String, _ name: String) throws(RPCError) {
        guard !text.isEmpty else { throw .invalid("\(name) is missing") }
    }

    static func name(_ text: String) throws(RPCError) {
        try id(text, "name")
        guard text.utf8.count <= 128 else { throw .invalid("name is longer than 128 bytes") }
        guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) else {
            throw .invalid("name has control characters")
        }
    }

    static func map(_ map: ProtoMap<String, String>, _ name: String) throws(RPCError) {
        guard map.reduce(0, { $0 + $1.key.utf8.count + $1.value.utf8.count }) <= 4_096 else {
            throw .invalid("\(name) is larger than 4 KiB")
        }
    }

    static func keys(_ map: ProtoMap<String, String>, _ known: Set<String>) throws(RPCError) {
        for key in map.keys where !known.contains(key) { throw .invalid("\(key) is not a parameter of this driver") }
    }

    static func path(_ path: String, _ name: String) throws(RPCError) {
        try id(path, name)
        guard path.hasPrefix("/"), path.utf8.count <= 4_096, !path.utf8.contains(0),
            !path.split(separator: "/").contains("..")
        else { throw .invalid("\(name) is not an absolute path") }
    }

    static func range(_ range: CSIv1.CapacityRange?) throws(RPCError) {
        guard let range else { return }
        guard range.requiredBytes >= 0, range.limitBytes >= 0 else { throw .invalid("a size is negative") }
        guard range.limitBytes == 0 || range.limitBytes >= range.requiredBytes else {
            throw .invalid("the limit is below the required size")
        }
    }

    static func capability(_ capability: CSIv1.VolumeCapability?) throws(RPCError) {
        guard let capability, let access = capability.accessType else { throw .invalid("access_type is missing") }
        let mode = capability.accessMode?.mode ?? .unknown
        guard mode != .unknown, mode.name != nil else { throw .invalid("access_mode is missing") }
        guard case .mount(let mount) = access else { return }
        guard mount.fsType.utf8.count <= 128, mount.mountFlags.reduce(0, { $0 + $1.utf8.count }) <= 4_096 else {
            throw .invalid("the mount options are too long")
        }
    }

    static func capabilities(_ list: [CSIv1.VolumeCapability]) throws(RPCError) {
        guard !list.isEmpty else { throw .invalid("volume_capabilities is missing") }
        for item in list { try capability(item) }
    }

    /// A page of `items`, whose tokens are positions.
    static func page<Item>(
        _ items: [Item], _ size: Int32, _ token: String
    ) throws(RPCError) -> (items: [Item], next: String) {
        guard size >= 0 else { throw .invalid("max_entries is negative") }
        var start = 0
        if !token.isEmpty {
            guard let position = Int(token), (0...items.count).contains(position) else {
                throw RPCError(code: .aborted, message: "starting_token is not one of ours")
            }
            start = position
        }
        let end = size == 0 ? items.count : min(items.count, start + Int(size))
        return (Array(items[start..<end]), end < items.count ? "\(end)" : "")
    }
}
