import CSIProto

/// The comments of a schema file by the path of what they stand before (`google.protobuf.SourceCodeInfo`).
struct Comments: DescriptorMessage {
    private var byPath: [[Int32]: String] = [:]

    init() {}

    mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 10:
            let location = try Location.nested(in: &reader)
            if !location.comment.isEmpty { byPath[location.path] = location.comment }
        default: try reader.skip(tag)
        }
    }

    /// The comment's lines, or nil where the schema says nothing.
    subscript(path: [Int32]) -> [String]? {
        guard let comment = byPath[path] else { return nil }
        var lines = comment.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            String(line.drop { $0 == " " })
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.isEmpty ? nil : lines
    }

    private struct Location: DescriptorMessage {
        var path: [Int32] = []
        var comment = ""

        mutating func read(_ tag: UInt32, from reader: inout WireReader) throws(WireError) {
            switch tag {
            case 8: try reader.repeated(&path, as: WireInt32.self)
            case 10: try reader.packed(&path, as: WireInt32.self)
            case 26: comment = try reader.string()
            default: try reader.skip(tag)
            }
        }
    }
}
