extension WireReader {
    /// Skips the field whose tag was just read, and keeps its bytes, tag included, in `fields`.
    @inline(never)
    public mutating func skip(_ tag: UInt32, keepingIn fields: inout UnknownFields) throws(WireError) {
        // A nested skip overwrites the start of the current field.
        let start = fieldStart
        try skip(tag)
        fields.append(bytes.extracting(start..<position))
    }

    /// Skips the field whose tag was just read.
    public mutating func skip(_ tag: UInt32) throws(WireError) {
        switch WireType(tag: tag) {
        case .varint: _ = try varint()
        case .fixed64: try advance(8)
        case .lengthDelimited: try advance(try length())
        case .startGroup: try skipGroup(tag &>> 3)
        case .fixed32: try advance(4)
        case .endGroup, nil: throw .malformedTag
        }
    }

    private mutating func advance(_ count: Int) throws(WireError) {
        guard limit - position >= count else { throw .truncated }
        position += count
    }

    /// Skips to the end of the group, which must carry the same field number as its start.
    private mutating func skipGroup(_ number: UInt32) throws(WireError) {
        guard depth > 0 else { throw .tooDeep }
        depth -= 1
        while let tag = try nextTag() {
            guard tag & 7 == WireType.endGroup.rawValue else {
                try skip(tag)
                continue
            }
            guard tag &>> 3 == number else { throw .malformedTag }
            depth += 1
            return
        }
        throw .truncated
    }
}
