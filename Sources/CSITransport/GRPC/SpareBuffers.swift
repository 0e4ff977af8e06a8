/// The storage of requests that have been decoded, for requests to come.
///
/// An allocation of more than a kilobyte, which is what a typical request takes, is a slow one.
struct SpareBuffers {
    private static let capacity = 32
    private static let largestBytes = 16 * 1024

    private var buffers: [[UInt8]] = []

    /// An empty array with room for `count` bytes.
    mutating func take(_ count: Int) -> [UInt8] {
        var buffer = buffers.popLast() ?? []
        buffer.reserveCapacity(count)
        return buffer
    }

    /// Keeps the storage of `buffer`, unless it is large or there is enough.
    mutating func keep(_ buffer: consuming [UInt8]) {
        guard buffer.capacity > 0, buffer.capacity <= SpareBuffers.largestBytes,
            buffers.count < SpareBuffers.capacity
        else { return }
        buffer.removeAll(keepingCapacity: true)
        buffers.append(buffer)
    }
}
