import CSIHost
import CSITestKit
import Glibc
import SystemPackage
import Testing

extension HostKind {
    /// The hosts that can attach loop devices here.
    static var attaching: [HostKind] { attachingIsAllowed ? [.fake, .linux] : [.fake] }

    /// Whether the tests may attach loop devices: as the machine's own root, in a mount namespace of their own.
    static var attachingIsAllowed: Bool {
        guard mountsAreAllowed else { return false }
        let control = open("/dev/loop-control", O_RDWR | O_CLOEXEC)
        if control >= 0 { close(control) }
        return control >= 0
    }

    static let howToAllowAttaching: Comment = """
        the contract of loop devices needs the machine's own root and its /dev: run the tests with \
        SWIFT_CSI_TEST_MOUNTS=1 under `unshare --mount --propagation private` as root
        """
}

/// What the contract of devices needs beyond the effects of a host.
protocol DeviceRig: HostRig {
    /// Mounts a file system of a type at a new directory.
    func addFileSystem(_ type: String, at path: FilePath) throws
    /// Mounts a file system of a type at a new directory, which enforces quotas of trees.
    func addFileSystemWithQuotas(_ type: String, at path: FilePath) throws
    /// Writes a new file as a pod does that may not do everything; false when that is refused.
    func applicationWritesAsUser(_ path: FilePath, bytes: Int64) -> Bool
    /// Makes a device appear after a time, and says how to find it.
    func addDevice(after delay: Duration) throws -> BlockDeviceSelector
    /// Mounts a device, with a file system on it.
    func mountDevice(_ device: FilePath, at path: FilePath) throws
    /// Opens a device until it is closed with what is answered.
    func openDevice(_ device: FilePath) -> Int32
    func closeDevice(_ device: FilePath, _ handle: Int32)
    /// Writes to a file or device in place.
    func write(_ bytes: [UInt8], into path: FilePath, at offset: Int64) -> Bool
    func bytes(of path: FilePath, at offset: Int64, count: Int) -> [UInt8]?
    /// Takes the end of a file away.
    func truncate(_ path: FilePath, to size: Int64)
    /// Detaches a loop device as another program does.
    func anotherProgramDetaches(_ device: FilePath)
}

/// Runs a test body against a fresh host of a kind, and cleans up whatever the body does.
func withDevices(_ kind: HostKind, _ body: (any DeviceRig) async throws -> Void) async throws {
    let rig: any DeviceRig =
        switch kind {
        case .fake: FakeRig()
        case .linux: try LinuxRig()
        }
    defer { rig.cleanUp() }
    try await body(rig)
}

extension FakeRig: DeviceRig {
    func addFileSystem(_ type: String, at path: FilePath) throws {
        fake.addFileSystem(at: path, type: type, bytes: 320 << 20)
    }

    func addFileSystemWithQuotas(_ type: String, at path: FilePath) throws {
        try addFileSystem(type, at: path)
        fake.setQuotas(.enforcing, fileSystemOf: path)
    }

    func applicationWritesAsUser(_ path: FilePath, bytes: Int64) -> Bool {
        fake.applicationWrites(path, [UInt8](repeating: 0, count: Int(bytes)))
    }

    func addDevice(after delay: Duration) throws -> BlockDeviceSelector {
        let link: FilePath = "/dev/disk/by-id/late"
        fake.addBlockDevice("late", size: 1 << 20, links: [link], after: delay)
        return .path(link)
    }

    func mountDevice(_ device: FilePath, at path: FilePath) throws {
        fake.anotherProgramMounts(device, at: path)
    }

    func openDevice(_ device: FilePath) -> Int32 {
        fake.open(device, by: "tests")
        return 0
    }

    func closeDevice(_ device: FilePath, _ handle: Int32) {
        fake.close(device, by: "tests")
    }

    func write(_ bytes: [UInt8], into path: FilePath, at offset: Int64) -> Bool {
        fake.applicationWrites(bytes, into: path, at: offset)
    }

    func bytes(of path: FilePath, at offset: Int64, count: Int) -> [UInt8]? {
        fake.bytes(of: path, at: offset, count: count)
    }

    func truncate(_ path: FilePath, to size: Int64) {
        fake.truncate(path, to: size)
    }

    func anotherProgramDetaches(_ device: FilePath) {
        fake.anotherProgramDetaches(device)
    }
}

extension LinuxRig: DeviceRig {
    /// Beside the scratch directory, on the machine's own disk.
    private var disk: FilePath { Self.disk(of: scratch) }

    static func disk(of scratch: FilePath) -> FilePath { FilePath(scratch.string + "-disk") }

    func addFileSystem(_ type: String, at path: FilePath) throws {
        try addFileSystem(type, at: path, making: [], mounting: [])
    }

    private func addFileSystem(
        _ type: String, at path: FilePath, making: [String], mounting options: [String]
    ) throws {
        mkdir(disk.string, 0o700)
        let image = disk.appending("\(type).img")
        try makeImage(image, bytes: 320 << 20)
        try run(["mkfs.\(type)"] + making + [image.string])
        mkdir(path.string, 0o755)
        let words = (["loop"] + options).joined(separator: ",")
        try run(["mount", "-o", words, image.string, path.string])
    }

    func addFileSystemWithQuotas(_ type: String, at path: FilePath) throws {
        switch type {
        case "ext4":
            try addFileSystem(type, at: path, making: ["-q", "-O", "project,quota"], mounting: ["prjquota"])
        case "xfs": try addFileSystem(type, at: path, making: [], mounting: ["prjquota"])
        default:
            try addFileSystem(type, at: path)
            try run(["btrfs", "quota", "enable", path.string])
        }
    }

    func applicationWritesAsUser(_ path: FilePath, bytes: Int64) -> Bool {
        // ext4 lets root go over its limits.
        let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        let copy = ["dd", "if=/dev/zero", "of=\(path)", "bs=\(bytes)", "count=1", "conv=fsync", "iflag=fullblock"]
        return (try? run(user + copy)) != nil
    }

    func addDevice(after delay: Duration) throws -> BlockDeviceSelector {
        let (image, link) = (scratch.appending("late.img"), scratch.appending("late"))
        try makeImage(image, bytes: 1 << 20)
        let milliseconds = delay / .milliseconds(1)
        let script = """
            sleep \(Double(milliseconds) / 1000); device=$(losetup --find --show "$1") && sleep 0.05 && ln -s "$device" "$2"
            """
        try start(["sh", "-c", script, "sh", image.string, link.string])
        return .path(link)
    }

    func mountDevice(_ device: FilePath, at path: FilePath) throws {
        try run(["mkfs.ext4", "-q", device.string])
        mkdir(path.string, 0o755)
        try run(["mount", device.string, path.string])
    }

    func openDevice(_ device: FilePath) -> Int32 { open(device.string, O_RDONLY | O_CLOEXEC) }

    func closeDevice(_ device: FilePath, _ handle: Int32) { close(handle) }

    func write(_ bytes: [UInt8], into path: FilePath, at offset: Int64) -> Bool {
        let file = open(path.string, O_WRONLY | O_CLOEXEC)
        defer { close(file) }
        return pwrite(file, bytes, bytes.count, off_t(offset)) == bytes.count && fsync(file) == 0
    }

    func bytes(of path: FilePath, at offset: Int64, count: Int) -> [UInt8]? {
        let file = open(path.string, O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: count)
        let read = pread(file, &bytes, count, off_t(offset))
        return read < 0 ? nil : Array(bytes.prefix(read))
    }

    func truncate(_ path: FilePath, to size: Int64) {
        _ = Glibc.truncate(path.string, off_t(size))
    }

    func anotherProgramDetaches(_ device: FilePath) {
        _ = try? run(["losetup", "--detach", device.string])
    }

    private func makeImage(_ path: FilePath, bytes: Int64) throws {
        let file = creat(path.string, 0o600)
        guard file >= 0, ftruncate(file, off_t(bytes)) == 0 else { throw Self.failed("create \(path)") }
        close(file)
    }

    /// Detaches and unmounts everything that was made in the scratch directory, by the kernel's own records.
    ///
    /// Devices first: a file's path is gone with the mount it is on, and a device that is mounted detaches with its mount.
    func cleanUpDevices() {
        let script = """
            for file in /sys/block/loop*/loop/backing_file; do
                case $(cat "$file" 2>/dev/null) in
                "$1/"* | "$2/"*) device=${file#/sys/block/}; losetup --detach "/dev/${device%%/*}" ;;
                esac
            done
            awk -v home="$1/" 'index($5, home) == 1 && $5 != home { print $5 }' /proc/self/mountinfo | sort -r |
                while read -r place; do umount --lazy "$place"; done
            rm -rf --one-file-system "$2"
            """
        _ = try? run(["sh", "-c", script, "sh", scratch.string, disk.string])
    }

    /// Runs a program to its end.
    func run(_ command: [String]) throws {
        var status: Int32 = 0
        let process = try start(command)
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else { throw Failed(what: command.joined(separator: " "), errno: Errno(rawValue: 0)) }
    }

    /// Starts a program, whose output nobody reads.
    @discardableResult
    private func start(_ command: [String]) throws -> pid_t {
        var process: pid_t = 0
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), nil]
        defer { for variable in environment { free(variable) } }
        guard posix_spawnp(&process, command[0], &actions, nil, arguments, &environment) == 0 else {
            throw Self.failed("start \(command[0])")
        }
        return process
    }
}
