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
        var value = field ?? codec.initial
        // The only reference to the old value must be ours, or merging copies what it holds.
        field = nil
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
            field.reserveCapacity(field.count + count / size)
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
        let outer = try enter()
        var entryKey = key.initial
        var entryValue = value.initial
        while let tag = try nextTag() {
            if tag == 8 | key.wireType.rawValue {
                try key.merge(into: &entryKey, from: &self)
            } else if tag == 16 | value.wireType.rawValue {
                try value.merge(into: &entryValue, from: &self)
            } else {
                try skip(tag)
            }
        }
        leave(outer)
        try charge(MemoryLayout<(Key.Value, Value.Value)>.stride)
        field.set(entryKey, entryValue)
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
