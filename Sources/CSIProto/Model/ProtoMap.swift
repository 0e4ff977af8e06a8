/// A protobuf map: pairs in the order of their arrival, each key once.
///
/// Maps of CSI are small, so looking a key up is a walk along the pairs, which costs less than hashing; beyond a few
/// keys an index takes over. Two maps are equal when they hold the same pairs in any order.
public struct ProtoMap<Key: ProtoMapKey, Value: Sendable & Hashable>: Sendable {
    /// One key with its value.
    public typealias Element = (key: Key, value: Value)

    @usableFromInline var pairs: [Element]
    /// Where the keys are, once there are too many to walk.
    @usableFromInline var index: [ProtoMapSlot<Key>: Int]?

    /// Up to so many pairs are walked.
    @inlinable static var walkable: Int { 16 }

    /// Creates an empty map.
    @inlinable
    @inline(__always)
    public init() {
        pairs = []
        index = nil
    }

    /// Creates a map of `pairs`; the last pair with a key wins.
    @inlinable
    public init(_ pairs: some Sequence<(Key, Value)>) {
        self.init()
        for (key, value) in pairs { set(key, value) }
    }

    /// The number of pairs.
    @inlinable
    public var count: Int { pairs.count }

    /// Whether there are no pairs.
    @inlinable
    public var isEmpty: Bool { pairs.isEmpty }

    /// The keys in the order of their arrival.
    public var keys: [Key] { pairs.map { pair in pair.key } }

    /// The values in the order of their keys.
    public var values: [Value] { pairs.map { pair in pair.value } }

    /// The value of `key`; setting it to nil removes the pair.
    @inlinable
    public subscript(key: Key) -> Value? {
        get { position(of: key).map { position in pairs[position].value } }
        set {
            if let newValue { set(key, newValue) } else { remove(key) }
        }
    }

    /// Sets the value of `key`, which keeps its place if it has one.
    @inlinable
    public mutating func set(_ key: Key, _ value: Value) {
        if index == nil, pairs.count < Self.walkable {
            var position = 0
            while position < pairs.count {
                if pairs[position].key.isSameKey(as: key) {
                    pairs[position].value = value
                    return
                }
                position &+= 1
            }
            pairs.append((key, value))
        } else {
            setIndexed(key, value)
        }
    }

    @usableFromInline
    mutating func setIndexed(_ key: Key, _ value: Value) {
        if let position = position(of: key) {
            pairs[position].value = value
            return
        }
        pairs.append((key, value))
        if index != nil {
            index?[ProtoMapSlot(key)] = pairs.count - 1
        } else {
            buildIndex()
        }
    }

    @usableFromInline
    mutating func remove(_ key: Key) {
        guard let position = position(of: key) else { return }
        pairs.remove(at: position)
        index = nil
        if pairs.count > Self.walkable { buildIndex() }
    }

    @usableFromInline
    mutating func buildIndex() {
        var built: [ProtoMapSlot<Key>: Int] = [:]
        built.reserveCapacity(2 * pairs.count)
        for (position, pair) in pairs.enumerated() { built[ProtoMapSlot(pair.key)] = position }
        index = built
    }

    @inlinable
    func position(of key: Key) -> Int? {
        if let index { return index[ProtoMapSlot(key)] }
        var position = 0
        while position < pairs.count {
            if pairs[position].key.isSameKey(as: key) { return position }
            position += 1
        }
        return nil
    }
}

/// A key compared as protobuf compares it.
@usableFromInline
struct ProtoMapSlot<Key: ProtoMapKey>: Hashable, Sendable {
    @usableFromInline let key: Key

    @inlinable
    init(_ key: Key) {
        self.key = key
    }

    @inlinable
    static func == (left: Self, right: Self) -> Bool { left.key.isSameKey(as: right.key) }

    @inlinable
    func hash(into hasher: inout Hasher) { key.hashKey(into: &hasher) }
}

extension ProtoMap: Hashable {
    /// Whether both maps hold the same pairs, in any order.
    public static func == (left: Self, right: Self) -> Bool {
        guard left.count == right.count else { return false }
        return left.pairs.allSatisfy { pair in right[pair.key] == pair.value }
    }

    /// Feeds the pairs into `hasher`, independent of their order.
    public func hash(into hasher: inout Hasher) {
        var sum = 0
        for pair in pairs {
            var one = Hasher()
            pair.key.hashKey(into: &one)
            one.combine(pair.value)
            sum ^= one.finalize()
        }
        hasher.combine(sum)
    }
}

extension ProtoMap: Sequence {
    /// Walks the pairs in the order of their arrival.
    @inlinable
    public func makeIterator() -> IndexingIterator<[Element]> { pairs.makeIterator() }
}

extension ProtoMap: ExpressibleByDictionaryLiteral {
    /// Creates a map of the literal's pairs; the last pair with a key wins.
    public init(dictionaryLiteral elements: (Key, Value)...) {
        self.init(elements)
    }
}

extension ProtoMap: CustomStringConvertible {
    /// The pairs as a dictionary literal.
    public var description: String {
        guard !isEmpty else { return "[:]" }
        return "[" + pairs.map { pair in "\(pair.key): \(pair.value)" }.joined(separator: ", ") + "]"
    }
}
