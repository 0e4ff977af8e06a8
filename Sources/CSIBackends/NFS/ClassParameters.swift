import CSICore
import CSIHost
import SystemPackage

/// What a StorageClass, a VolumeSnapshotClass or the attributes of a volume say, by the names of csi-driver-nfs in whatever
/// case.
struct ClassParameters: Sendable, Hashable {
    /// Who asks.
    enum Kind: Sendable {
        /// The parameters of a StorageClass.
        case storageClass
        /// The parameters of a VolumeSnapshotClass.
        case snapshotClass
        /// The attributes of a volume, which Kubernetes and csi-driver-nfs have added to.
        case attributes
    }

    /// The server as it was given, without slashes around it.
    var server: String?

    /// The path of the share as it was given.
    var share: String?

    /// The directory below the share, with what its template stands for.
    var subDirectory: String?

    var onDelete: DeletePolicy?

    /// The mode of the volume's directory; nil leaves what is there.
    var permissions: FilePermissions?

    var userID: UInt32?

    var groupID: UInt32?

    /// The mount options, where they are given as a parameter.
    var mountOptions: NFSMountOptions?

    private static let known: Set<String> = [
        "server", "share", "subdir", "ondelete", "mountpermissions", "mountoptions", "mode", "uid", "gid",
    ]

    /// Reads parameters.
    /// - Throws: INVALID_ARGUMENT naming the key and what is wrong with it.
    init(_ map: StringMap, _ kind: Kind, field: String) throws(CSIError) {
        var values: [String: (key: String, value: String)] = [:]
        var metadata: [String: String] = [:]
        for (key, value) in map.sorted {
            let name = key.lowercased()
            guard !name.contains("/") else {
                metadata[name] = value
                continue
            }
            let isKnown =
                switch kind {
                case .storageClass: Self.known.contains(name) && name != "mountoptions"
                case .snapshotClass: ["server", "share", "mountoptions"].contains(name)
                // What this driver itself adds.
                case .attributes: Self.known.contains(name) || name == "quota"
                }
            guard isKnown else {
                throw .invalid("\(field)[\"\(key)\"]", "is not known; known are \(Self.names(of: kind))")
            }
            if let other = values[name] {
                throw .invalid("\(field)[\"\(key)\"]", "is given twice, also as \"\(other.key)\"")
            }
            values[name] = (key, value)
        }
        func value(_ name: String) -> String? { values[name].flatMap { $0.value.isEmpty ? nil : $0.value } }
        func place(_ name: String) -> String { "\(field)[\"\(values[name]?.key ?? name)\"]" }

        server = value("server")?.trimmingSlashes
        share = value("share")
        if let template = value("subdir") {
            subDirectory = try SubDirectoryTemplate(template).expanded(metadata, field: place("subdir"))
        }
        if let text = value("ondelete") {
            guard let policy = DeletePolicy(name: text) else {
                throw .invalid(place("ondelete"), "must be delete, retain or archive, and is \"\(text)\"")
            }
            onDelete = policy
        }
        let mount = try Self.mode(value("mountpermissions"), place("mountpermissions"))
        let mode = try Self.mode(value("mode"), place("mode"))
        if let mount, let mode, mount != mode {
            throw .invalid(place("mode"), "differs from mountPermissions: give one of them")
        }
        permissions = mode ?? mount
        userID = try Self.id(value("uid"), place("uid"))
        groupID = try Self.id(value("gid"), place("gid"))
        if let text = value("mountoptions") {
            do throws(UnsupportedOption) {
                mountOptions = try NFSMountOptions(mountFlags: [text])
            } catch {
                throw .invalid(place("mountoptions"), "cannot be used: \(error)")
            }
        }
    }

    /// The share that the parameters name.
    /// - Throws: INVALID_ARGUMENT when one of its parts is missing or cannot be used.
    func location(field: String) throws(CSIError) -> NFSLocation {
        guard let server else { throw .missing("\(field)[\"server\"]") }
        guard let share else { throw .missing("\(field)[\"share\"]") }
        return try Self.location(server: server, share: share, field: field)
    }

    /// Checks a server and a share.
    static func location(server: String, share: String, field: String) throws(CSIError) -> NFSLocation {
        guard !share.contains("#") else {
            throw .invalid("\(field)[\"share\"]", "contains \"#\", which separates the parts of a volume's handle")
        }
        do throws(InvalidNFSLocation) {
            return try NFSLocation(server: server, path: FilePath("/" + share.trimmingSlashes))
        } catch {
            throw .invalid("\(field)[\"\(error.part == .server ? "server" : "share")\"]", error.reason)
        }
    }

    private static func names(of kind: Kind) -> String {
        kind == .snapshotClass
            ? "mountOptions, server, share"
            : "gid, mode, mountPermissions, onDelete, server, share, subDir, uid"
    }

    private static func mode(_ text: String?, _ place: String) throws(CSIError) -> FilePermissions? {
        guard let text else { return nil }
        guard let mode = CModeT(text, radix: 8), mode <= 0o7777 else {
            throw .invalid(place, "must be an octal mode such as 0770, and is \"\(text)\"")
        }
        return mode == 0 ? nil : FilePermissions(rawValue: mode)
    }

    private static func id(_ text: String?, _ place: String) throws(CSIError) -> UInt32? {
        guard let text else { return nil }
        guard let id = UInt32(text), id != .max else {
            throw .invalid(place, "must be a number from 0 to 4294967294, and is \"\(text)\"")
        }
        return id
    }
}

/// The parameter `subDir`: a path in which `${pvc.metadata.name}` and its like stand for names that Kubernetes gives.
struct SubDirectoryTemplate: Sendable, Hashable {
    private static let variables = [
        "pvc.metadata.name": "csi.storage.k8s.io/pvc/name",
        "pvc.metadata.namespace": "csi.storage.k8s.io/pvc/namespace",
        "pv.metadata.name": "csi.storage.k8s.io/pv/name",
    ]

    private let text: String

    init(_ text: String) {
        self.text = text
    }

    /// The path.
    /// - Throws: INVALID_ARGUMENT naming a variable that is not known, or that the caller gives no value for.
    func expanded(_ metadata: [String: String], field: String) throws(CSIError) -> String {
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: "}") else { throw .invalid(field, "has a \"${\" without its \"}\"") }
            let name = String(rest[..<end])
            rest = rest[rest.index(after: end)...]
            guard let key = Self.variables[name] else {
                let known = Self.variables.keys.sorted().map { "${\($0)}" }.joined(separator: ", ")
                throw .invalid(field, "has ${\(name)}, which is not known; known are \(known)")
            }
            guard let value = metadata[key], !value.isEmpty else {
                throw .invalid(
                    field,
                    "has ${\(name)}, and the caller does not say it: the provisioner has to run with "
                        + "--extra-create-metadata")
            }
            guard !value.contains("/"), value != ".", value != ".." else {
                throw .invalid(field, "has ${\(name)}, which is \"\(value)\" and no name of a directory")
            }
            result += value
        }
        return result + rest
    }
}

extension Substring {
    /// Where a text is first found.
    fileprivate func firstRange(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
