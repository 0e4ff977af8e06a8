/// The number of a device, or of a file system without one.
public struct DeviceNumber: Sendable, Hashable, CustomStringConvertible {
    /// The driver's part.
    public var major: UInt32

    /// The device's part.
    public var minor: UInt32

    /// Creates a number from its parts.
    public init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }

    /// The number as the kernel prints it, for example `8:1`.
    public var description: String { "\(major):\(minor)" }
}
