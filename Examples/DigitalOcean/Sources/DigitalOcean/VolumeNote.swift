import CSICore

/// What the driver writes into a volume's description, so that it is there whoever asks: what the volume was made of and for.
///
/// For example `swift-csi empty mount 0123456789abcdef0123456789abcdef`.
struct VolumeNote {
    /// Nil for an empty volume.
    let source: ContentSource?
    private let use: String
    private let digest: String

    init(_ request: CreateVolume) {
        source = request.source
        use = request.capabilities.first?.isBlock == true ? "block" : "mount"
        digest = request.fingerprint.digest
    }

    /// Reads a description; nil when another driver, or somebody by hand, made the volume.
    init?(_ description: String?) {
        let words = (description ?? "").split(separator: " ").map(String.init)
        guard words.count == 4, words[0] == "swift-csi" else { return nil }
        source = (try? SnapshotID(words[1])).flatMap { $0.rawValue == "empty" ? nil : .snapshot($0) }
        use = words[2]
        digest = words[3]
    }

    var text: String {
        guard case .snapshot(let id) = source else { return "swift-csi empty \(use) \(digest)" }
        return "swift-csi \(id) \(use) \(digest)"
    }

    /// What node calls get to know: only a volume that was made empty may ever be formatted.
    var context: StringMap { StringMap(["origin": source == nil ? "empty" : "copy", "use": use]) }

    /// Why a volume cannot be used so; nil when it can, or nobody knows.
    static func refusal(of capability: VolumeCapability, _ context: StringMap) -> String? {
        let wanted = capability.isBlock ? "block" : "mount"
        guard let use = context["use"], use != wanted else { return nil }
        return "the volume was made for access type \(use), and \(wanted) is asked for"
    }

    /// - Throws: ALREADY_EXISTS when the volume of this name was made for another request.
    func requireMatch(_ found: APIVolume, _ request: CreateVolume) throws(CSIError) {
        let capacity = found.sizeGigabytes << 30
        if let range = request.capacity, !range.contains(capacity) {
            throw .alreadyExists(
                .volumeNamed(request.name), differingIn: "capacity_range", existing: "\(capacity) bytes",
                requested: "\(range)")
        }
        // A volume of another driver says nothing of what it was made for.
        guard let existing = VolumeNote(found.description), existing.digest != digest else { return }
        throw .alreadyExists(
            .volumeNamed(request.name), differingIn: "parameter, capability or source", existing: existing.text,
            requested: text)
    }
}

/// A name that the API accepts: at most 64 lower-case letters, digits and hyphens, beginning with a letter.
struct APIName {
    let text: String

    /// Kubernetes' names stay as they are; others become a digest.
    init(_ name: String) throws(CSIError) {
        let id = VolumeID(derivedFrom: try VolumeName(name)).rawValue
        text = id.first?.isLetter == true ? id : "v-\(id)"
    }
}
