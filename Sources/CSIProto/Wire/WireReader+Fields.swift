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

    /// Reads one entry of a map, a message with the key as field 1 and the value as field 2, and the entries of the same map
    /// that follow it at once.
    @inlinable
    public mutating func map<Key: WireCodec, Value: WireCodec>(
        _ field: inout ProtoMap<Key.Value, Value.Value>, key: Key.Type, value: Value.Type
    ) throws(WireError) {
        let count = field.isEmpty ? run(of: (Key.Value, Value.Value).self) : 1
        if count == 1 {
            let entry = try mapEntry(key, value)
            if field.isEmpty { field.pairs = [entry] } else { field.set(entry.0, entry.1) }
            return
        }
        field.pairs.reserveCapacity(count)
        let tagSize = position &- fieldStart
        var seen: UInt64 = 0
        for number in 0..<min(count, ProtoMap<Key.Value, Value.Value>.walkable) {
            if number > 0 {
                // `run` has compared the tag.
                fieldStart = position
                position &+= tagSize
            }
            let entry = try mapEntry(key, value)
            // Keys with different marks are different; only the others have to be compared.
            let mark: UInt64 = 1 &<< (entry.0.keyHint &>> 58)
            if seen & mark == 0 { field.pairs.append(entry) } else { field.set(entry.0, entry.1) }
            seen |= mark
        }
    }

    @inlinable
    @inline(__always)
    mutating func mapEntry<Key: WireCodec, Value: WireCodec>(
        _ key: Key.Type, _ value: Value.Type
    ) throws(WireError) -> (Key.Value, Value.Value) {
        try charge(MemoryLayout<(Key.Value, Value.Value)>.stride)
        let outer = try enter()
        // An entry has the two fields in this order and with tags of one byte; anything else is rare. Both bytes that are read
        // unchecked are in bounds: position < limit <= bytes.count.
        var entry: (Key.Value, Value.Value)
        if position < limit, UInt32(unsafe bytes[unchecked: position]) == 8 | key.wireType.rawValue {
            position &+= 1
            entry.0 = try key.read(from: &self)
        } else {
            entry.0 = key.initial
        }
        if position < limit, UInt32(unsafe bytes[unchecked: position]) == 16 | value.wireType.rawValue {
            position &+= 1
            entry.1 = try value.read(from: &self)
        } else {
            entry.1 = value.initial
        }
        if position < limit { try restOfEntry(&entry, key, value) }
        leave(outer)
        return entry
    }

    @inlinable
    mutating func restOfEntry<Key: WireCodec, Value: WireCodec>(
        _ entry: inout (Key.Value, Value.Value), _ key: Key.Type, _ value: Value.Type
    ) throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case 8 | key.wireType.rawValue: try key.merge(into: &entry.0, from: &self)
            case 16 | value.wireType.rawValue: try value.merge(into: &entry.1, from: &self)
            default: try skip(tag)
            }
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
