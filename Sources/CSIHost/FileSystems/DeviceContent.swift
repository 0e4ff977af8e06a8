/// What a probe recognised on a device.
public struct DeviceContent: Sendable, Hashable, CustomStringConvertible {
    /// The name of the format as `blkid` prints it, for example `ext4`, `swap`, `crypto_LUKS`, `LVM2_member`, `gpt`, `dos`.
    public var type: String

    /// The UUID in lower case, as the format writes it; nil where it has none or it is zero.
    public var uuid: String?

    /// The label; nil where it has none.
    public var label: String?

    /// How many bytes the file system says it takes of the device; nil where the superblock does not say.
    public var byteCount: Int64?

    /// Creates a content.
    public init(type: String, uuid: String? = nil, label: String? = nil, byteCount: Int64? = nil) {
        self.type = type
        self.uuid = uuid
        self.label = label
        self.byteCount = byteCount
    }

    /// The file system that this library can mount; nil for everything else.
    public var fileSystem: FileSystemKind? { FileSystemKind(rawValue: type) }

    /// For example `xfs (uuid 1b4e28ba-2fa1-11d2-883f-0016d3cca427, label "data")`.
    public var description: String {
        let words = [uuid.map { "uuid \($0)" }, label.map { "label \($0.debugDescription)" }].compactMap(\.self)
        return words.isEmpty ? type : "\(type) (\(words.joined(separator: ", ")))"
    }
}
