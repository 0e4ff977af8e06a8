public import SystemPackage

/// What a block device is recognised by while it is waited for.
public enum BlockDeviceSelector: Sendable, Hashable, CustomStringConvertible {
    /// Its node, or a link to it such as `/dev/disk/by-id/...`, absolute.
    case path(FilePath)
    /// Its number.
    case number(DeviceNumber)
    /// The serial number that it reports.
    case serial(String)
    /// The world-wide identifier that it reports.
    case worldWideID(String)

    /// What is looked for, in words.
    public var description: String {
        switch self {
        case .path(let path): "\(path)"
        case .number(let number): "device \(number)"
        case .serial(let serial): "serial number \(serial)"
        case .worldWideID(let id): "world-wide id \(id)"
        }
    }
}
