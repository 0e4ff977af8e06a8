/// How a pool of images gives out its room.
public struct PoolPolicy: Sendable, Hashable {
    /// What stays free on the pool's file system.
    public enum Reserve: Sendable, Hashable {
        /// So many bytes.
        case bytes(Int64)
        /// So many hundredths of the file system, 0 to 100.
        case percent(Int64)
    }

    /// What is never given out.
    public var reserve: Reserve

    /// How much thin volumes may promise together for each 100 bytes that there are: 100 promises nothing twice.
    public var overcommitPercent: Int64

    /// Creates a policy.
    public init(reserve: Reserve = .percent(5), overcommitPercent: Int64 = 100) {
        self.reserve = reserve
        self.overcommitPercent = max(100, overcommitPercent)
    }

    /// The bytes that stay free on a file system of `total` bytes.
    func reservedBytes(of total: Int64) -> Int64 {
        switch reserve {
        case .bytes(let bytes): max(0, bytes)
        case .percent(let percent): Int64(clamping: Int128(total) * Int128(min(max(percent, 0), 100)) / 100)
        }
    }
}
