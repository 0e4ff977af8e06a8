/// Ids that follow from names, so that a retried create finds what the first attempt made.
///
/// A name of at most 63 lower-case letters, digits and inner hyphens, as Kubernetes' sidecars make them, is its own id;
/// any other becomes a prefix and the first 128 bits of its SHA-256 in hexadecimal.
struct DerivedID: Sendable, Hashable {
    static let volume = DerivedID(prefix: "vol-")
    static let snapshot = DerivedID(prefix: "snap-")
    static let groupSnapshot = DerivedID(prefix: "group-")

    /// What a digest begins with, and no plain name may: it could collide.
    let prefix: String

    func id(for name: String) -> String {
        isPlain(name) ? name : prefix + SHA256.hexDigest(of: name.utf8, bytes: 16)
    }

    /// Whether an id could have been made by ``id(for:)`` and is therefore safe as the name of a file.
    func isOwn(_ id: String) -> Bool { isPlain(id) || isDigest(id) }

    private func isDigest(_ id: String) -> Bool {
        let rest = id.utf8.dropFirst(prefix.utf8.count)
        return id.hasPrefix(prefix) && rest.count == 32
            && rest.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private func isPlain(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...63).contains(bytes.count), !text.hasPrefix(prefix) else { return false }
        guard bytes.first != 0x2D, bytes.last != 0x2D else { return false }
        return bytes.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
    }
}
