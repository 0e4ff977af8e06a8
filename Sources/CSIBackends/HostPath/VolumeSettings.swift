import CSICore
import CSIPool

/// What ControllerModifyVolume can change of a volume; nil where nobody has said anything.
struct VolumeSettings: Sendable, Hashable {
    /// What becomes of the data of a volume that is deleted.
    enum OnDelete: String, Sendable, CaseIterable {
        case delete
        case retain
    }

    enum Key {
        static let onDelete = "onDelete"
        static let inodeLimit = VolumeRecord.inodeLimitAttribute
        static let readAhead = "readAhead"
        static let directIO = "directIO"
        static let all: Set = [onDelete, inodeLimit, readAhead, directIO]
    }

    /// More would be read ahead than any device profits from.
    private static let largestReadAhead: Int64 = 1 << 30

    var onDelete: OnDelete?
    /// The most files, directories and links.
    var inodeLimit: Int64?
    /// How many bytes a raw block volume reads ahead, a multiple of 4096.
    var readAhead: Int64?
    /// Whether a raw block volume goes past the page cache of the pool's file system.
    var directIO: Bool?

    init() {}

    /// Reads what a record keeps.
    /// - Throws: FAILED_PRECONDITION when somebody wrote something else into it.
    init(of record: VolumeRecord) throws(CSIError) {
        try self.init(record.attributes, of: record.id)
    }

    init(_ attributes: StringMap, of id: VolumeID) throws(CSIError) {
        do throws(CSIError) {
            try apply(Parameters(attributes, field: "attributes"), ignoringOthers: true)
        } catch {
            throw .preconditionFailed("the record of volume \"\(id)\" cannot be used: \(error.message)")
        }
    }

    /// The settings as a record keeps them, and as the volume context shows them.
    var attributes: StringMap {
        var values: [String: String] = [:]
        values[Key.onDelete] = onDelete?.rawValue
        values[Key.inodeLimit] = inodeLimit.map { String($0) }
        values[Key.readAhead] = readAhead.map { String($0) }
        values[Key.directIO] = directIO.map { String($0) }
        return StringMap(values)
    }

    /// Attributes of a record with these settings in place of those that it has.
    func attributes(replacingThoseIn old: StringMap) -> StringMap {
        StringMap(old.values.filter { !Key.all.contains($0.key) }.merging(attributes.values) { $1 })
    }

    /// Takes over what parameters say; what they do not name stays.
    /// - Throws: INVALID_ARGUMENT naming the first value that cannot be used; nothing is changed then.
    mutating func apply(_ parameters: Parameters, ignoringOthers: Bool = false) throws(CSIError) {
        var reader = parameters.reader()
        try apply(&reader, parameters)
        if !ignoringOthers { try reader.finish() }
    }

    /// As ``apply(_:ignoringOthers:)``, for a reader that others take from as well.
    mutating func apply(_ reader: inout Parameters.Reader, _ parameters: Parameters) throws(CSIError) {
        var new = self
        if let text = reader.take(Key.onDelete) {
            guard let choice = OnDelete(rawValue: text) else {
                throw parameters.refusal(of: Key.onDelete, "must be delete or retain, and is \"\(text)\"")
            }
            new.onDelete = choice
        }
        if let text = reader.take(Key.inodeLimit) {
            guard let limit = Int64(text), limit >= 0 else {
                throw parameters.refusal(
                    of: Key.inodeLimit, "must be a number of files, 0 for no limit, and is \"\(text)\"")
            }
            new.inodeLimit = limit > 0 ? limit : nil
        }
        if let text = reader.take(Key.readAhead) {
            guard let bytes = ByteCount.parse(text), bytes % 4096 == 0, bytes <= Self.largestReadAhead else {
                throw parameters.refusal(
                    of: Key.readAhead, "must be a multiple of 4096 up to 1Gi, such as 128Ki, and is \"\(text)\"")
            }
            new.readAhead = bytes
        }
        if let text = reader.take(Key.directIO) {
            guard let choice = Bool(text) else {
                throw parameters.refusal(of: Key.directIO, "must be true or false, and is \"\(text)\"")
            }
            new.directIO = choice
        }
        self = new
    }

    /// Refuses what a volume of this kind cannot have.
    /// - Parameters:
    ///   - isBlock: Whether it is a raw block volume.
    ///   - limitsInodes: Whether its pool can limit inodes.
    ///   - parameters: Where the settings come from, for the message.
    func check(isBlock: Bool, limitsInodes: Bool, _ parameters: Parameters) throws(CSIError) {
        if isBlock {
            guard inodeLimit == nil else {
                throw parameters.refusal(of: Key.inodeLimit, "is for volumes with files, not for raw block volumes")
            }
            return
        }
        if readAhead != nil { throw parameters.refusal(of: Key.readAhead, "is for raw block volumes") }
        if directIO != nil { throw parameters.refusal(of: Key.directIO, "is for raw block volumes") }
        guard inodeLimit == nil || limitsInodes else {
            throw parameters.refusal(
                of: Key.inodeLimit, "cannot be held: the file system of the pool limits no inodes (ext4 and XFS can)")
        }
    }
}

/// A number of bytes with Ki, Mi, Gi or Ti behind it.
enum ByteCount {
    /// - Returns: nil for anything else, and for what does not fit.
    static func parse(_ text: String) -> Int64? {
        let shifts = ["": 0, "Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40]
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits), let shift = shifts[String(text.dropFirst(digits.count))] else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: 1 << shift)
        return overflow ? nil : bytes
    }
}

extension Parameters {
    /// INVALID_ARGUMENT about one of these parameters.
    func refusal(of key: String, _ reason: String) -> CSIError {
        .invalid("\(field)[\"\(key)\"]", reason)
    }
}
