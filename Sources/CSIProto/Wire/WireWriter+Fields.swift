extension WireWriter {
    /// Writes a singular field unless it has its default value.
    @inlinable
    @inline(__always)
    public mutating func singular<Codec: WireCodec>(
        _ tag: UInt32, _ value: Codec.Value, as codec: Codec.Type
    ) {
        guard !codec.isInitial(value) else { return }
        codec.write(value, to: &self)
        self.tag(tag)
    }

    /// Writes a singular field, default value or not.
    @inlinable
    @inline(__always)
    public mutating func present<Codec: WireCodec>(
        _ tag: UInt32, _ value: Codec.Value, as codec: Codec.Type
    ) {
        codec.write(value, to: &self)
        self.tag(tag)
    }

    /// Writes a singular field that is set.
    @inlinable
    @inline(__always)
    public mutating func optional<Codec: WireCodec>(_ tag: UInt32, _ value: Codec.Value?, as codec: Codec.Type) {
        guard let value else { return }
        codec.write(value, to: &self)
        self.tag(tag)
    }

    /// Writes a message field that is set.
    @inlinable
    @inline(__always)
    public mutating func message<Message: ProtoMessage>(_ tag: UInt32, _ value: Message?) {
        guard let value else { return }
        let before = written
        value.write(to: &self)
        varint(UInt64(truncatingIfNeeded: written &- before))
        self.tag(tag)
    }

    /// Writes a repeated message field.
    @inlinable
    public mutating func messages<Message: ProtoMessage>(_ tag: UInt32, _ values: [Message]) {
        values.withUnsafeBufferPointer { elements in
            elements.withMemoryRebound(to: Lent<Message>.self) { elements in
                var index = elements.count
                while index > 0 {
                    index &-= 1
                    let before = written
                    elements[index].write(to: &self)
                    varint(UInt64(truncatingIfNeeded: written &- before))
                    self.tag(tag)
                }
            }
        }
    }

    /// Writes a repeated field, one tag for every element.
    @inlinable
    @inline(__always)
    public mutating func repeated<Codec: WireCodec>(_ tag: UInt32, _ values: [Codec.Value], as codec: Codec.Type) {
        values.withUnsafeBufferPointer { elements in
            elements.withMemoryRebound(to: Lent<Codec.Value>.self) { elements in
                var index = elements.count
                while index > 0 {
                    index &-= 1
                    elements[index].write(to: &self, as: codec)
                    self.tag(tag)
                }
            }
        }
    }

    /// Writes a repeated field under one tag.
    @inlinable
    public mutating func packed<Codec: PackableWireCodec>(_ tag: UInt32, _ values: [Codec.Value], as codec: Codec.Type)
    {
        guard !values.isEmpty else { return }
        let before = written
        var index = values.count
        while index > 0 {
            index &-= 1
            codec.write(values[index], to: &self)
        }
        varint(UInt64(truncatingIfNeeded: written &- before))
        self.tag(tag)
    }

    /// Writes a map, an entry for every pair.
    @inlinable
    @inline(__always)
    public mutating func map<Key: WireCodec, Value: WireCodec>(
        _ tag: UInt32, _ map: ProtoMap<Key.Value, Value.Value>, key: Key.Type, value: Value.Type
    ) {
        let pairs = map.pairs.span
        var index = pairs.count
        while index > 0 {
            index &-= 1
            let before = written
            value.write(pairs[index].value, to: &self)
            self.tag(16 | value.wireType.rawValue)
            key.write(pairs[index].key, to: &self)
            self.tag(8 | key.wireType.rawValue)
            varint(UInt64(truncatingIfNeeded: written &- before))
            self.tag(tag)
        }
    }

    /// Writes a map of secrets.
    @inlinable
    public mutating func secrets(_ tag: UInt32, _ secrets: Secrets) {
        map(tag, secrets.pairs, key: WireString.self, value: WireString.self)
    }

    /// Writes a message that is kept outside its parent because the types recur.
    public mutating func boxed<Message: ProtoMessage>(_ tag: UInt32, _ value: ProtoBox<Message>?) {
        guard let value else { return }
        WireMessage<Message>.write(value.value, to: &self)
        self.tag(tag)
    }

    /// Writes back the fields that the schema does not know.
    @inlinable
    @inline(__always)
    public mutating func unknown(_ fields: UnknownFields) {
        guard !fields.isEmpty else { return }
        raw(fields.bytes)
    }
}

/// A value lent out of an array.
///
/// Calling a function on an element of an array copies the element first, with a retain for all it holds; a method of a
/// type that cannot be copied is lent it instead. The layout is that of the value.
@usableFromInline
@frozen
struct Lent<Value>: ~Copyable {
    @usableFromInline let value: Value

    @inlinable
    @inline(__always)
    borrowing func write<Codec: WireCodec>(to writer: inout WireWriter, as codec: Codec.Type)
    where Codec.Value == Value {
        codec.write(value, to: &writer)
    }
}

extension Lent where Value: ProtoMessage {
    @inlinable
    @inline(__always)
    borrowing func write(to writer: inout WireWriter) {
        value.write(to: &writer)
    }
}
