import CLinux
import Glibc
import SystemPackage

/// Finds out who uses a block device, from what the kernel shows about mounts, devices and processes.
struct DeviceUsers {
    /// As many are found at most: they are for a human.
    private static let limit = 16

    /// How many open files are looked at, at most.
    private static let filesLooked = 200_000

    private let device: DeviceNumber
    /// What the table of mounts calls the device; some file systems show a device number of their own there.
    private let source: String?

    init(of device: DeviceNumber) {
        self.device = device
        let event = SystemAttribute.read(FilePath("/sys/dev/block/\(device)/uevent"))
        let name = event?.split(separator: "\n").first { $0.hasPrefix("DEVNAME=") }
        source = name.map { "/dev/" + $0.dropFirst("DEVNAME=".count) }
    }

    func find() throws(HostError) -> [BlockDeviceUser] {
        var users = mountPoints(in: try MountTableReader.current()).map { BlockDeviceUser.mount(at: $0) }
        let holders = SystemAttribute.names(in: FilePath("/sys/dev/block/\(device)/holders"))
        users += holders.map(\.string).sorted().map { BlockDeviceUser.device($0) }
        if users.isEmpty { users += foreignMounts() }
        users += processes()
        return Array(users.prefix(Self.limit))
    }

    private func mountPoints(in table: MountTable) -> [FilePath] {
        table.entries.filter { $0.device == device || (source != nil && $0.source == source) }.map(\.mountPoint)
    }

    private var processNumbers: [Int32] {
        SystemAttribute.names(in: "/proc").compactMap { Int32($0.string) }.sorted()
    }

    private func program(_ process: Int32) -> String {
        SystemAttribute.read(FilePath("/proc/\(process)/comm")) ?? "?"
    }

    /// The mounts that only processes in other mount namespaces see.
    private func foreignMounts() -> [BlockDeviceUser] {
        var seen: Set<String> = []
        if let own = SystemAttribute.link("/proc/self/ns/mnt") { seen.insert(own) }
        var users: [BlockDeviceUser] = []
        for process in processNumbers {
            guard let namespace = SystemAttribute.link(FilePath("/proc/\(process)/ns/mnt")),
                seen.insert(namespace).inserted,
                let table = try? MountTableReader.table(of: process)
            else { continue }
            users += mountPoints(in: table).map {
                .foreignMount(at: $0, process: process, program: program(process))
            }
            if users.count >= Self.limit { break }
        }
        return users
    }

    /// The processes that have the device open, by whatever name.
    private func processes() -> [BlockDeviceUser] {
        var users: [BlockDeviceUser] = []
        var looked = 0
        for process in processNumbers {
            let files = FilePath("/proc/\(process)/fd")
            let names = SystemAttribute.names(in: files)
            looked += names.count
            if names.contains(where: { isOpen(files.appending($0)) }) {
                users.append(.process(process, program: program(process)))
            }
            if users.count >= Self.limit || looked > Self.filesLooked { break }
        }
        return users
    }

    private func isOpen(_ file: FilePath) -> Bool {
        var status = statx()
        // Cached answers will do: the file may lie on a server that is dead.
        let answer = file.withPlatformString {
            clinux_statx(CLINUX_AT_FDCWD, $0, CLINUX_AT_STATX_DONT_SYNC, UInt32(STATX_TYPE), &status)
        }
        return answer == 0 && UInt32(status.stx_mode) & UInt32(Glibc.S_IFMT) == UInt32(Glibc.S_IFBLK)
            && status.stx_rdev_major == device.major && status.stx_rdev_minor == device.minor
    }
}
