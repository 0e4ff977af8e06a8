/// How a node has staged a raw block volume; a mounted one is seen in the kernel's mount table.
public struct StagedBlock: Sendable, Hashable {
    /// The staging path.
    public var path: String

    /// Whether the device is being exchanged for one that can or cannot be written: it may be missing for a moment.
    public var isChanging: Bool

    /// Creates a note.
    public init(path: String, isChanging: Bool = false) {
        self.path = path
        self.isChanging = isChanging
    }
}

extension StagedBlock {
    private static let kind = "staged"

    /// The bytes of the note.
    public var bytes: [UInt8] {
        let lines = [(key: "path", value: path), (key: "changing", value: isChanging ? "yes" : "no")]
        return RecordText(kind: Self.kind, version: 1, lines: lines).bytes
    }

    /// Nil when the bytes are no such note: then the volume counts as not staged, and the caller stages it again.
    public init?(parsing bytes: [UInt8]) {
        guard let text = try? RecordText(parsing: bytes, kind: Self.kind), text.version == 1,
            let path = text.lines.first(where: { $0.key == "path" })?.value
        else { return nil }
        self.init(path: path, isChanging: text.lines.contains { $0.key == "changing" && $0.value == "yes" })
    }
}
