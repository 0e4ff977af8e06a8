package import SystemPackage

/// What every host demands of a read from a block device, and of a write to one.
package enum DeviceReadRule {
    /// The most bytes that are read at once.
    package static let maximumLength = 16 << 20

    /// What read-ahead is counted in, and what reads past every cache are aligned to: a page.
    private static let page: Int64 = 4096

    /// Makes sure that a number of bytes can be read ahead.
    package static func check(readAhead bytes: Int64, _ device: FilePath) throws(HostError) {
        guard bytes >= 0, bytes % page == 0 else {
            throw HostError(
                .setReadAhead, at: device, kind: .invalidArgument,
                detail: "\(bytes) bytes: a multiple of \(page) can be read ahead")
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

    /// Makes sure that a read past every cache can begin at an offset.
    package static func check(_ device: FilePath, at offset: Int64) throws(HostError) {
        guard offset >= 0, offset % page == 0 else {
            throw HostError(
                .readDevice, at: device, kind: .invalidArgument, detail: "\(offset) is no multiple of \(page)")
        }
    }

    /// Makes sure that some bytes can take the place of others.
    package static func check(
        _ device: BlockDevice, at offset: Int64, replacing expected: [UInt8], with bytes: [UInt8]
    ) throws(HostError) {
        guard offset >= 0, !bytes.isEmpty, bytes.count == expected.count, bytes.count <= maximumLength,
            offset <= device.size - Int64(bytes.count)
        else {
            throw HostError(
                .replaceBytes, at: device.path, kind: .invalidArgument,
                detail: "\(bytes.count) bytes at \(offset) in place of \(expected.count), of \(device.size)")
        }
    }

    /// Makes sure that a device is the one that was found before.
    package static func check(_ now: BlockDevice?, is device: BlockDevice) throws(HostError) {
        guard let now, now.number == device.number, now.sequence == device.sequence else {
            throw HostError(
                .replaceBytes, at: device.path, kind: .notVerified, detail: "another device has its place by now")
        }
    }

    /// Makes sure that the bytes that are to be replaced are those that were read before.
    package static func check(_ found: [UInt8], are expected: [UInt8], on device: BlockDevice) throws(HostError) {
        guard found == expected else {
            throw HostError(
                .replaceBytes, at: device.path, kind: .notVerified,
                detail: "somebody has written there meanwhile; it was left as it is")
        }
    }
}
