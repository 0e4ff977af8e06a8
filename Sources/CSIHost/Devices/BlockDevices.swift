public import SystemPackage

/// Finds block devices, waits for them, and looks at their first bytes.
///
/// It needs no udevd; where one runs, the links that it makes are understood as well.
public protocol BlockDevices: Sendable {
    /// The block device behind a node, or behind a link to one such as `/dev/disk/by-id/...`; nil when there is none.
    ///
    /// - Parameter path: an absolute path from the configuration or of this library. Links are followed.
    /// - Throws: ``HostError`` of kind `wrongType` when it is something else.
    func device(at path: FilePath) async throws(HostError) -> BlockDevice?

    /// The block device with a number; nil when there is none.
    func device(_ number: DeviceNumber) async throws(HostError) -> BlockDevice?

    /// All block devices, sorted by name; a loop device that shows no file is left out.
    func list() async throws(HostError) -> [BlockDevice]

    /// Waits until a device is there and its node can be opened.
    ///
    /// It looks at once, and again whenever the kernel announces a device. Cancelling the task ends it.
    ///
    /// - Parameters:
    ///   - selector: what the device is recognised by.
    ///   - duration: how long to wait.
    /// - Throws: ``HostError`` of kind `timedOut` after that time, or `cancelled`.
    func wait(
        for selector: BlockDeviceSelector, within duration: Duration
    ) async throws(HostError) -> BlockDevice

    /// Reads from a device, past the page cache of its node's users where the kernel allows.
    ///
    /// - Parameters:
    ///   - device: its node.
    ///   - offset: the first byte.
    ///   - count: how many bytes: at most 16 MiB.
    /// - Returns: exactly that many bytes, or fewer at the device's end.
    /// - Throws: ``HostError`` of kind `inputOutput` when a single byte cannot be read, `wrongType` when it is no block
    ///   device, `invalidArgument` when offset or count make no sense, among others.
    func read(from device: FilePath, at offset: Int64, count: Int) async throws(HostError) -> [UInt8]

    /// Finds out whether a device answers, by reading a little past every cache.
    ///
    /// A device that hangs costs no thread: the read is left behind.
    ///
    /// - Parameters:
    ///   - device: its node.
    ///   - offset: the first byte, a multiple of 4096. What the device keeps no bytes for, such as a hole of a loop device's
    ///     file, tells nothing.
    ///   - limit: how long it may take.
    /// - Throws: ``HostError`` of kind `inputOutput` when it answers with an error, `timedOut` when it does not answer, `wrongType`
    ///   when it is no block device, among others.
    func checkReadable(_ device: FilePath, at offset: Int64, within limit: Duration) async throws(HostError)

    /// Makes everything that was written to a device durable, for a loop device also in its file.
    ///
    /// What was written through the device's node without a sync is in its page cache only: flush it before its file is
    /// copied. A mounted file system does this when it is frozen.
    func flush(_ device: FilePath) async throws(HostError)

    /// Replaces bytes of a device that nobody uses, durably, if it is the device that was found and they are what was read.
    ///
    /// The device is open exclusively from the comparison to the write, so no other one can take its place in between.
    ///
    /// - Parameters:
    ///   - expected: what must be there: at most 16 MiB.
    ///   - bytes: what is written instead, as many. A crash can leave the first of its sectors written.
    ///   - offset: the first byte.
    ///   - device: what was found, which its number and its sequence are compared with.
    /// - Throws: ``HostError`` of kind `notVerified` when it is another device or holds other bytes, `busy` when it is mounted or
    ///   held, `permissionDenied` when it cannot be written, `invalidArgument` when offset and counts make no sense, among
    ///   others. Nothing was written then.
    func replace(
        _ expected: [UInt8], with bytes: [UInt8], at offset: Int64, of device: BlockDevice
    ) async throws(HostError)

    /// Has the kernel refuse writes to a device, whoever asks, or accept them again.
    ///
    /// It holds until it is changed or the device goes. Who has the device open for writing keeps it open, and its writes fail.
    /// - Throws: ``HostError`` of kind `permissionDenied` when the device itself cannot be written, among others.
    func setReadOnly(_ isReadOnly: Bool, _ device: FilePath) async throws(HostError)

    /// How much the kernel reads ahead of who reads a device one byte after the other.
    /// - Returns: a number of bytes; 0 for nothing.
    func readAhead(of device: FilePath) async throws(HostError) -> Int64

    /// Changes how much the kernel reads ahead of who reads a device one byte after the other.
    ///
    /// It holds until it is changed or the device goes; a loop device has it from its file system's disk again when it is
    /// attached anew.
    /// - Parameters:
    ///   - bytes: a multiple of 4096; 0 for nothing.
    ///   - device: its node.
    /// - Throws: ``HostError`` of kind `invalidArgument` for any other number, among others.
    func setReadAhead(_ bytes: Int64, of device: FilePath) async throws(HostError)

    /// Whether the kernel would refuse an exclusive user: the device is mounted, part of another device, or held.
    func isInUse(_ device: FilePath) async throws(HostError) -> Bool

    /// Who uses a device, as far as this process may see; for messages, since it can change at any moment.
    func users(of device: DeviceNumber) async throws(HostError) -> [BlockDeviceUser]
}
