/// How much a decoder accepts before it refuses a message.
///
/// Two bytes on the wire can stand for an element of a hundred bytes in memory, so a limit on the input alone does not
/// bound what a peer can make us allocate: `expansion` does.
public struct WireLimits: Sendable, Hashable {
    /// How deep messages and groups may nest; the outermost message is not counted.
    public var depth: Int

    /// The largest accepted message in bytes.
    public var size: Int

    /// How many bytes the elements of repeated and map fields may take in memory, per byte of input.
    public var expansion: Int

    /// What elements may take in memory however small the input, in bytes.
    public var expansionFloor: Int

    /// Creates limits; the defaults are those of `WireLimits.standard`.
    @inlinable
    public init(depth: Int = 100, size: Int = Int(Int32.max), expansion: Int = 16, expansionFloor: Int = 1 << 20) {
        self.depth = depth
        self.size = size
        self.expansion = expansion
        self.expansionFloor = expansionFloor
    }

    /// Nesting to 100, 2 GiB of input, sixteen bytes of elements per byte of input beyond the first mebibyte.
    @inlinable
    public static var standard: WireLimits { WireLimits() }

    /// The bytes that elements may take for an input of `count` bytes.
    @inlinable
    func allowance(for count: Int) -> Int {
        let (product, overflow) = count.multipliedReportingOverflow(by: max(expansion, 0))
        guard !overflow else { return Int.max }
        let (sum, sumOverflow) = product.addingReportingOverflow(max(expansionFloor, 0))
        return sumOverflow ? Int.max : sum
    }
}
