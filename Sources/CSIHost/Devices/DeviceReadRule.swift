package import SystemPackage

/// What every host demands of a read from a block device.
package enum DeviceReadRule {
    /// The most bytes that are read at once.
    package static let maximumLength = 16 << 20

    /// Makes sure that a range makes sense.
    package static func check(_ device: FilePath, at offset: Int64, count: Int) throws(HostError) {
        guard offset >= 0, count >= 0, count <= maximumLength else {
            throw HostError(
                .readDevice, at: device, kind: .invalidArgument,
                detail: "\(count) bytes at \(offset): at most \(maximumLength) bytes are read at once")
        }
    }
}
