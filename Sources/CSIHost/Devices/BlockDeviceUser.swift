public import SystemPackage

/// Something that holds a block device.
public enum BlockDeviceUser: Sendable, Hashable, CustomStringConvertible {
    /// A mount of its file system in the driver's own mount namespace.
    case mount(at: FilePath)
    /// A mount of its file system that only other processes see; `process` is one of them.
    case foreignMount(at: FilePath, process: Int32, program: String)
    /// A device built on it, by the kernel's name.
    case device(String)
    /// A process that has it open.
    case process(Int32, program: String)

    /// The user in words.
    public var description: String {
        switch self {
        case .mount(let path): "it is mounted at \(path)"
        case .foreignMount(let path, let process, let program):
            "it is mounted at \(path) in the mount namespace of process \(process) (\(program))"
        case .device(let name): "the device \(name) is built on it"
        case .process(let process, let program): "process \(process) (\(program)) has it open"
        }
    }
}
