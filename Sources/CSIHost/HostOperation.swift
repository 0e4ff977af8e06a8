/// One kind of effect on, or question to, the host.
///
/// Every ``HostError`` names the operation that failed, and a fake host is told by this name which operation is to fail.
public enum HostOperation: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// Read the mount table.
    case mountTable
    /// Bind a directory or file at a mount point.
    case bindMount
    /// Remove the mounts at a mount point.
    case unmount
    /// Create a mount point.
    case createMountPoint
    /// Remove a mount point.
    case removeMountPoint
    /// Open a directory to work beneath it.
    case openDirectory
    /// Resolve the symbolic links of a configured path.
    case canonicalPath
    /// Ask a file system for its size.
    case capacity
    /// Read what a file is.
    case metadata
    /// List a directory.
    case list
    /// Read a file.
    case readFile
    /// Create a directory.
    case createDirectory
    /// Write a file durably.
    case writeFile
    /// Rename durably.
    case rename
    /// Make a directory's entries durable.
    case syncDirectory
    /// Make a whole tree durable.
    case syncTree
    /// Remove one file.
    case removeFile
    /// Remove one empty directory.
    case removeDirectory
    /// Remove a tree.
    case removeTree
    /// Change the mode of a file.
    case setPermissions
    /// Change the owner of a file.
    case setOwner
    /// Take a lock.
    case lock
    /// Look at what the machine offers.
    case inspectSystem
    /// Run a program.
    case runProgram
    /// Recognise what is on a device.
    case probe
    /// Make a file system.
    case makeFileSystem
    /// Check a file system.
    case checkFileSystem
    /// Mount a file system.
    case mount
    /// Open an export of a server.
    case openExport
    /// Unpack an archive.
    case unpack
    /// Read the size of a file system.
    case fileSystemSize
    /// Grow a file system.
    case growFileSystem
    /// Hold back those who write to a file system.
    case freeze
    /// Let those who write to a file system go on.
    case thaw
    /// Tell a device what a file system does not use.
    case trim
    /// Create a file of a given size.
    case createFile
    /// Make a file larger.
    case setFileSize
    /// Copy a file.
    case copyFile
    /// Copy a directory with everything in it.
    case copyTree
    /// Give a part of a file back to the file system.
    case punchHole
    /// Create a subvolume.
    case createSubvolume
    /// Create a subvolume with the content of another one.
    case createSnapshot
    /// Change whether a subvolume can be written.
    case setSubvolumeAccess
    /// Read what a subvolume is.
    case inspectSubvolume
    /// Find out what holds the size of a tree back, and what it has used.
    case readQuota
    /// Find a project that nobody uses.
    case findProject
    /// Count a tree as a project.
    case setProject
    /// Limit the size of a tree.
    case setQuota
    /// Attach a file as a loop device.
    case attachLoop
    /// Keep a loop device from showing another file.
    case holdLoop
    /// Make a loop device as large as its file.
    case refreshLoop
    /// Change whether a loop device goes around the page cache of its file.
    case setLoopDirectIO
    /// Detach a loop device.
    case detachLoop
    /// List the loop devices.
    case listLoops
    /// Read what a block device is.
    case inspectDevice
    /// List the block devices.
    case listDevices
    /// Wait for a block device.
    case waitForDevice
    /// Read from a block device.
    case readDevice
    /// Make what was written to a block device durable.
    case flushDevice
    /// Replace bytes of a block device.
    case replaceBytes
    /// Have writes to a block device refused or accepted.
    case setDeviceReadOnly
    /// Change how much is read ahead of a block device.
    case setReadAhead
    /// Find out who uses a block device.
    case deviceUsers
    /// Ask something outside the machine, such as an API; only a fake host knows of it, as a driver's tests tell it.
    case askElsewhere
    /// Change something outside the machine, such as a volume of a cloud; only a fake host knows of it.
    case changeElsewhere

    /// Whether the operation changes something that outlives the process: files, directories, mounts or devices.
    ///
    /// These are the points after which a crash leaves a different world behind.
    public var isMutation: Bool {
        switch self {
        case .mountTable, .openDirectory, .openExport, .canonicalPath, .capacity, .metadata, .list, .readFile, .lock,
            .listLoops, .inspectDevice, .inspectSystem, .listDevices, .waitForDevice, .readDevice, .deviceUsers,
            .holdLoop, .probe, .fileSystemSize, .askElsewhere, .inspectSubvolume, .readQuota, .findProject:
            false
        default:
            // What is not known to leave everything as it was is an effect.
            true
        }
    }

    /// The operation as an infinitive, to follow "cannot", for example `bind mount`.
    public var description: String {
        switch self {
        case .mountTable: "read the mount table"
        case .bindMount: "bind mount"
        case .unmount: "unmount"
        case .createMountPoint: "create mount point"
        case .removeMountPoint: "remove mount point"
        case .openDirectory: "open directory"
        case .canonicalPath: "resolve"
        case .capacity: "read the capacity of"
        case .metadata: "inspect"
        case .list: "list"
        case .readFile: "read"
        case .createDirectory: "create directory"
        case .writeFile: "write"
        case .rename: "rename"
        case .syncDirectory: "sync directory"
        case .syncTree: "sync tree"
        case .removeFile: "remove file"
        case .removeDirectory: "remove directory"
        case .removeTree: "remove tree"
        case .setPermissions: "change the mode of"
        case .setOwner: "change the owner of"
        case .lock: "lock"
        case .inspectSystem: "look at"
        case .runProgram: "run a program"
        case .probe: "probe"
        case .makeFileSystem: "make a file system on"
        case .checkFileSystem: "check the file system on"
        case .mount: "mount"
        case .openExport: "open the export"
        case .unpack: "unpack"
        case .fileSystemSize: "read the size of the file system on"
        case .growFileSystem: "grow the file system on"
        case .freeze: "freeze"
        case .thaw: "thaw"
        case .trim: "trim"
        case .createFile: "create"
        case .setFileSize: "enlarge"
        case .copyFile: "copy"
        case .copyTree: "copy tree"
        case .punchHole: "punch a hole into"
        case .createSubvolume: "create subvolume"
        case .createSnapshot: "create a snapshot of subvolume"
        case .setSubvolumeAccess: "change the access to subvolume"
        case .inspectSubvolume: "inspect subvolume"
        case .readQuota: "read the quota of"
        case .findProject: "find a free project for"
        case .setProject: "set the project of"
        case .setQuota: "set the quota of"
        case .attachLoop: "attach a loop device to"
        case .holdLoop: "hold"
        case .refreshLoop: "resize the loop device"
        case .setLoopDirectIO: "set the direct I/O of the loop device"
        case .detachLoop: "detach"
        case .listLoops: "list the loop devices"
        case .inspectDevice: "inspect the block device"
        case .listDevices: "list the block devices"
        case .waitForDevice: "wait for the block device"
        case .readDevice: "read the block device"
        case .flushDevice: "flush"
        case .replaceBytes: "write to the block device"
        case .setDeviceReadOnly: "set whether to write to"
        case .setReadAhead: "set the read-ahead of the block device"
        case .deviceUsers: "find the users of the block device"
        case .askElsewhere: "ask"
        case .changeElsewhere: "change"
        }
    }
}
