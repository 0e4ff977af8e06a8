import CSICore

/// What the driver writes into a volume's description, so that it is there whoever asks: whether the volume was made empty, what
/// of, and for which request.
///
/// For example `swift-csi empty 0123456789abcdef0123456789abcdef`.
struct VolumeNote {
    /// Nil for an empty volume.
    let source: ContentSource?
    private let digest: String

    init(_ request: CreateVolume) {
        source = request.source
        digest = request.fingerprint.digest
    }

    /// Reads a description; nil when another driver, or somebody by hand, made the volume.
    init?(_ description: String?) {
        let words = (description ?? "").split(separator: " ").map(String.init)
        guard words.count == 3, words[0] == "swift-csi" else { return nil }
        digest = words[2]
        guard words[1] != "empty" else {
            source = nil
            return
        }
        guard let id = try? SnapshotID(words[1], field: "description") else { return nil }
        source = .snapshot(id)
    }

    var text: String {
        switch source {
        case .snapshot(let id): "swift-csi \(id) \(digest)"
        default: "swift-csi empty \(digest)"
        }
    }

    /// What node calls get to know: only a volume that was made empty may ever be formatted.
    var context: StringMap { StringMap(["origin": source == nil ? "empty" : "copy"]) }

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
            .volumeNamed(request.name), differingIn: "parameters, capabilities or source",
            existing: existing.source?.description ?? "an empty volume",
            requested: source?.description ?? "an empty volume")
    }
}

/// A name that the API accepts: at most 64 lower-case letters, digits and hyphens, beginning with a letter.
struct APIName {
    let text: String

    /// Kubernetes' names stay as they are; others become a digest.
    init(_ name: VolumeName) {
        let id = VolumeID(derivedFrom: name).rawValue
        text = id.first?.isLetter == true ? id : "v-\(id)"
    }

    /// Like a volume's.
    init(_ name: SnapshotName) {
        let id = SnapshotID(derivedFrom: name).rawValue
        text = id.first?.isLetter == true ? id : "s-\(id)"
    }
}
