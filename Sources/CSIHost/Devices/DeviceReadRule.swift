package import SystemPackage

/// What every host demands of a read from a block device.
package enum DeviceReadRule {
    /// The most bytes that are read at once.
    package static let maximumLength = 16 << 20

    /// What read-ahead is counted in, a page.
    private static let readAheadUnit: Int64 = 4096

    /// Makes sure that a number of bytes can be read ahead.
    package static func check(readAhead bytes: Int64, _ device: FilePath) throws(HostError) {
        guard bytes >= 0, bytes % readAheadUnit == 0 else {
            throw HostError(
                .setReadAhead, at: device, kind: .invalidArgument,
                detail: "\(bytes) bytes: a multiple of \(readAheadUnit) can be read ahead")
        }
    }

    /// Makes sure that a range makes sense.
    package static func check(_ device: FilePath, at offset: Int64, count: Int) throws(HostError) {
        guard offset >= 0, count >= 0, count <= maximumLength else {
            throw HostError(
                .readDevice, at: device, kind: .invalidArgument,
                detail: "\(count) bytes at \(offset): at most \(maximumLength) bytes are read at once")
        }
    }
}
