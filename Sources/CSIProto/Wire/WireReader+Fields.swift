extension WireReader {
    /// Reads a singular field: the last occurrence wins, messages merge.
    @inlinable
    @inline(__always)
    public mutating func singular<Codec: WireCodec>(
        _ field: inout Codec.Value, as codec: Codec.Type
    ) throws(WireError) {
        try codec.merge(into: &field, from: &self)
    }

    /// Reads a singular field that tells absence from the default.
    @inlinable
    @inline(__always)
    public mutating func optional<Codec: WireCodec>(
        _ field: inout Codec.Value?, as codec: Codec.Type
    ) throws(WireError) {
        // Taken, not copied: the only reference to what the value holds must be ours while merging.
        var value = field.take() ?? codec.initial
        try codec.merge(into: &value, from: &self)
        field = value
    }

    /// Reads one occurrence of a repeated field that is not packed.
    @inlinable
    @inline(__always)
    public mutating func repeated<Codec: WireCodec>(
        _ field: inout [Codec.Value], as codec: Codec.Type
    ) throws(WireError) {
        try charge(MemoryLayout<Codec.Value>.stride)
        if field.isEmpty, codec.wireType == .lengthDelimited {
            let count = run(of: Codec.Value.self)
            if count == 1 {
                // A literal is made for half the price of growing an empty array.
                field = [try codec.read(from: &self)]
                return
            }
            field.reserveCapacity(count)
        }
        field.append(try codec.read(from: &self))
    }

    /// Reads one packed occurrence of a repeated field.
    @inlinable
    public mutating func packed<Codec: PackableWireCodec>(
        _ field: inout [Codec.Value], as codec: Codec.Type
    ) throws(WireError) {
        let count = try length()
        let outer = limit
        limit = position &+ count
        if let size = codec.fixedSize {
            guard count % size == 0 else { throw .malformedPacked }
            // Only once: room for exactly the next few elements, over and over, would copy all of them every time.
            if field.isEmpty { field.reserveCapacity(count / size) }
        }
        while position < limit {
            try charge(MemoryLayout<Codec.Value>.stride)
            field.append(try codec.read(from: &self))
        }
        limit = outer
    }

    /// Reads one entry of a map: a message with the key as field 1 and the value as field 2.
    @inlinable
    public mutating func map<Key: WireCodec, Value: WireCodec>(
        _ field: inout ProtoMap<Key.Value, Value.Value>, key: Key.Type, value: Value.Type
    ) throws(WireError) {
        let count = field.isEmpty ? run(of: (Key.Value, Value.Value).self) : 0
        if count > 1 { field.pairs.reserveCapacity(count) }
        let outer = try enter()
        var entryKey = key.initial
        var entryValue = value.initial
        let keyTag = 8 | key.wireType.rawValue
        let valueTag = 16 | value.wireType.rawValue
        while position < limit {
            // An entry has two fields with tags of one byte; anything else is rare.
            var tag = UInt32(unsafe bytes[unchecked: position])
            if tag == keyTag || tag == valueTag {
                position &+= 1
            } else {
                tag = try nextTag() ?? 0
            }
            if tag == keyTag {
                try key.merge(into: &entryKey, from: &self)
            } else if tag == valueTag {
                try value.merge(into: &entryValue, from: &self)
            } else {
                try skip(tag)
            }
        }
        leave(outer)
        try charge(MemoryLayout<(Key.Value, Value.Value)>.stride)
        if count == 1 {
            field.pairs = [(entryKey, entryValue)]
        } else if count > 1 {
            field.pairs.append((entryKey, entryValue))
        } else {
            field.set(entryKey, entryValue)
        }
    }

    /// Reads a message field, merging it with an earlier occurrence.
    @inlinable
    @inline(__always)
    public mutating func message<Message: ProtoMessage>(_ field: inout Message?) throws(WireError) {
        let outer = try enter()
        if field == nil { field = Message() }
        // Merged in place: a message is large, and taking it out to put it back is not free.
        try field?.merge(from: &self)
        leave(outer)
    }

    /// Reads one occurrence of a repeated message field.
    @inlinable
    @inline(__always)
    public mutating func messages<Message: ProtoMessage>(_ field: inout [Message]) throws(WireError) {
        try charge(MemoryLayout<Message>.stride)
        let count = field.isEmpty ? run(of: Message.self) : 0
        let outer = try enter()
        if count == 1 {
            field = [Message()]
        } else {
            if count > 0 { field.reserveCapacity(count) }
            field.append(Message())
        }
        try field[field.count &- 1].merge(from: &self)
        leave(outer)
    }

    /// How many occurrences of the current, length-delimited field follow each other, the current one included: an
    /// array of that capacity need not grow.
    ///
    /// Only the tags and lengths are looked at, once for each field of a message. Errors are left to the reading.
    @usableFromInline
    func run<Element>(of type: Element.Type) -> Int {
        var place = position
        let tagSize = place &- fieldStart
        var count = 1
        while true {
            guard let length = shortLength(at: &place) else { break }
            place &+= length
            guard place < limit, limit &- place > tagSize, bytes[place] == bytes[fieldStart] else { break }
            if tagSize > 1 {
                guard (1..<tagSize).allSatisfy({ bytes[place &+ $0] == bytes[fieldStart &+ $0] }) else { break }
            }
            place &+= tagSize
            count &+= 1
        }
        return min(count, allowance / max(MemoryLayout<Element>.stride, 1))
    }

    /// A length of one or two bytes that fits, or nil for any other.
    @inline(__always)
    private func shortLength(at place: inout Int) -> Int? {
        guard place < limit else { return nil }
        var length = Int(bytes[place])
        place &+= 1
        if length >= 0x80 {
            guard place < limit, bytes[place] < 0x80 else { return nil }
            length = length & 0x7f | Int(bytes[place]) << 7
            place &+= 1
        }
        return length <= limit &- place ? length : nil
    }

    /// Reads one entry of a map of secrets.
    @inlinable
    public mutating func secrets(_ field: inout Secrets) throws(WireError) {
        try map(&field.pairs, key: WireString.self, value: WireString.self)
    }

    /// Reads a singular message that is kept outside its parent because the types recur.
    public mutating func boxed<Message: ProtoMessage>(_ field: inout ProtoBox<Message>?) throws(WireError) {
        try charge(MemoryLayout<Message>.stride)
        var message = field?.value ?? Message()
        field = nil
        try self.message(&message)
        field = ProtoBox(message)
    }
}
