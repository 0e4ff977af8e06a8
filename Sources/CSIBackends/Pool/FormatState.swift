/// What the node knows of the file system in a volume's image: whether there ever was one, and which.
///
/// It lies in a file of its own beside the image and goes wherever the image goes, so that a copy of a volume is never
/// formatted. Only a volume without the file may be formatted, and only when its device reads as blank.
public enum FormatState: Sendable, Hashable {
    /// mkfs began, and nothing has been mounted since: what is in the image is nobody's, and may be erased.
    case started(type: String)
    /// The image holds a file system; it is never formatted again.
    case done(type: String, uuid: String)
}

extension FormatState {
    private static let kind = "format"
    private static let version = 1

    /// The bytes on disk.
    var bytes: [UInt8] {
        let lines: [(key: String, value: String)] =
            switch self {
            case .started(let type): [("state", "started"), ("type", type)]
            case .done(let type, let uuid): [("state", "done"), ("type", type), ("uuid", uuid)]
            }
        return RecordText(kind: Self.kind, version: Self.version, lines: lines).bytes
    }

    init(parsing bytes: [UInt8]) throws(RecordFailure) {
        let text: RecordText
        do throws(RecordText.Failure) {
            text = try RecordText(parsing: bytes, kind: Self.kind)
        } catch {
            throw RecordFailure(reason: error.description)
        }
        guard text.version == Self.version else {
            throw RecordFailure(reason: "its version is \(text.version), this driver reads \(Self.version)")
        }
        let values = Dictionary(text.lines.map { ($0.key, $0.value) }) { first, _ in first }
        switch (values["state"], values["type"], values["uuid"]) {
        case ("started"?, let type?, nil) where !type.isEmpty: self = .started(type: type)
        case ("done"?, let type?, let uuid?) where !type.isEmpty && !uuid.isEmpty: self = .done(type: type, uuid: uuid)
        default: throw RecordFailure(reason: "it does not say what state the file system is in")
        }
    }
}
