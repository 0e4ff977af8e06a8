import CSITestKit
import Glibc
import SystemPackage
import Testing

@testable import CSIHost

@Suite("Parts of the mount table: what is selected answers as the whole table does")
struct MountSelectionTests {
    /// What the operations of a node ask, on mounts that are stacked, hidden, nested and absent.
    private func expectSameAnswers(_ rig: any HostRig, _ read: (MountSelection) async throws -> MountTable) async throws
    {
        try await rig.makeDirectories("source", "source/inner", "target", "target/inner", "other", "stack")
        let (source, target) = (rig.scratch.appending("source"), rig.scratch.appending("target"))
        let (other, stack) = (rig.scratch.appending("other"), rig.scratch.appending("stack"))
        try await rig.mounts.bindMount(source: source, at: target.appending("inner"), options: [.noExec])
        try await rig.mounts.bindMount(source: other, at: target, options: [.readOnly])
        try await rig.mounts.bindMount(source: source, at: stack, options: [])
        try await rig.mounts.bindMount(source: source, at: stack, options: [.noSetUserID, .noAccessTime])
        try rig.addSymbolicLink(rig.scratch.appending("link"), to: target)

        let whole = try await rig.mounts.mountTable()
        let device = try #require(whole.mountPoint(containing: rig.scratch)?.device)
        let paths: [FilePath] = [
            "/", rig.scratch, source, target, target.appending("inner"), target.appending("inner/x/y"), stack,
            stack.appending("inner"), rig.scratch.appending("absent/place"), "/no/such/place",
            rig.scratch.appending("link"), rig.scratch.appending("link/inner"), "/proc/self/mountinfo", "/dev/null",
        ]
        for path in paths {
            let part = try await read(MountSelection(paths: [path]))
            #expect(part.entries(at: path) == whole.entries(at: path), "\(path)")
            #expect(part.mountPoint(containing: path) == whole.mountPoint(containing: path), "\(path)")
            #expect(part.origin(of: path) == whole.origin(of: path), "\(path)")
            #expect(part == whole.selecting(MountSelection(paths: [path])), "\(path)")
        }
        let all = try await read(MountSelection(paths: paths, devices: [device], sources: [source, other]))
        #expect(all.entries.filter { $0.device == device } == whole.entries.filter { $0.device == device })
        for origin in [source, other] {
            let part = try await read(MountSelection(sources: [origin]))
            let shown = try #require(part.origin(of: origin))
            #expect(shown == whole.origin(of: origin))
            #expect(part.entries.filter { $0.origin == shown } == whole.entries.filter { $0.origin == shown })
            #expect(part.entries.count { $0.origin == shown } == (origin == source ? 3 : 1))
        }
        #expect(try await read(MountSelection()).entries.isEmpty)
        #expect(
            try await read(MountSelection(devices: [DeviceNumber(major: 4095, minor: 1)])).entries.allSatisfy {
                $0.filesystemType == "btrfs"
            })

        // Nothing is remembered that can change.
        try await rig.mounts.unmount(stack, policy: .orderly())
        let later = try await read(MountSelection(paths: [stack], devices: [device]))
        #expect(later.topmost(at: stack) == nil)
        #expect(later.entries.count { $0.device == device } == whole.entries.count { $0.device == device } - 2)
        try await rig.mounts.bindMount(source: other, at: stack, options: [])
        #expect(try await read(MountSelection(sources: [other])).entries.contains { $0.mountPoint == stack })
    }

    @Test(arguments: HostKind.mounting)
    func `the host answers as from the whole table`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            try await expectSameAnswers(rig) { try await rig.mounts.mountTable(of: $0) }
        }
    }

    @Test(.enabled(if: HostKind.mountsAreAllowed, HostKind.howToAllowMounts), arguments: [false, true])
    func `with and without a kernel that tells of single mounts`(asksForSingleMounts: Bool) async throws {
        // Where the kernel cannot, both read the table.
        let reader = SelectedMounts(MountDevices(), asksForSingleMounts: asksForSingleMounts)
        try await withHost(.linux) { rig in
            try await expectSameAnswers(rig) { try reader.read($0) }
        }
        try await withHost(.linux) { rig in
            try await expectSameAnswers(rig) { try reader.read($0, mayWait: false) }
        }
    }

    @Test(.enabled(if: StatMount.isSupported, "the kernel does not tell of single mounts"))
    func `a single mount is described as in the table`() async throws {
        let table = try await LinuxHost().mounts.mountTable()
        var described = 0
        for id in try StatMount.all(expected: 0) {
            guard let entry = try StatMount.find(id)?.entry,
                let listed = table.entries.first(where: { $0.mountID == entry.mountID })
            else { continue }
            #expect(entry == listed)
            described += 1
        }
        #expect(described == table.entries.count)
    }

    @Test(.enabled(if: StatMount.isSupported, "the kernel does not tell of single mounts"))
    func `the kernel's answers suffice where it tells of single mounts`() throws {
        let reader = SelectedMounts(MountDevices(), asksForSingleMounts: true)
        let selection = MountSelection(
            paths: ["/", "/proc/meminfo", "/no/such/place"], devices: [DeviceNumber(major: 7, minor: 1)],
            sources: ["/dev/null"])
        let table = try reader.single(selection, mayWait: true)
        #expect(table.topmost(at: "/") != nil)
        #expect(table.mountPoint(containing: "/proc/meminfo")?.filesystemType == "proc")
        // The directories that something is mounted on are always in the kernel's cache.
        let mounted = try reader.single(MountSelection(paths: ["/proc"]), mayWait: false)
        #expect(mounted.topmost(at: "/proc")?.filesystemType == "proc")
    }

    private static let text = """
        1 0 8:1 / / rw - ext4 /dev/a rw
        2 1 7:3 / /stage/v1 rw shared:4 - ext4 /dev/loop3 rw
        3 1 7:33 / /stage/v10 rw - xfs /dev/loop33 rw
        4 2 7:4 / /stage/v1/inner rw - ext4 /dev/loop4 rw
        5 1 0:40 / /stage/b rw shared:1 master:2 - btrfs /dev/loop5 rw
        6 1 0:5 / /dev rw - devtmpfs dev rw
        7 1 0:5 /loop3 /pods/raw rw - devtmpfs dev rw
        8 1 0:5 /loop33 /pods/raw\\0401 rw - devtmpfs dev rw
        9 1 8:9 / /btrfs rw - ext4 /dev/btrfs rw

        """

    @Test(arguments: [
        (MountSelection(paths: ["/stage/v1"]), [1, 2]),
        (MountSelection(paths: ["/stage/v1/inner/x"]), [1, 2, 4]),
        (MountSelection(paths: ["/stage"]), [1]),
        (MountSelection(paths: ["/pods/raw 1"]), [1, 8]),
        (MountSelection(devices: [DeviceNumber(major: 7, minor: 3)]), [2, 5]),
        (MountSelection(devices: [DeviceNumber(major: 7, minor: 33)]), [3, 5]),
        (MountSelection(sources: ["/dev/loop3"]), [1, 6, 7]),
        (MountSelection(sources: ["/dev/loop33"]), [1, 6, 8]),
        (MountSelection(), []),
    ])
    func `the lines of a table`(selection: MountSelection, expected: [Int]) throws {
        let site = CallSite(.mountTable, at: "test")
        let whole = try MountTableReader.parse(Array(Self.text.utf8), for: site)
        #expect(whole.selecting(selection).entries.map(\.mountID) == expected)
        let part = try MountTableReader.parse(Array(Self.text.utf8), for: selection, site)
        #expect(part.selecting(selection) == whole.selecting(selection))
    }

    @Test
    func `lines that cannot matter are not parsed`() {
        func kept(_ filter: TableFilter) -> Int {
            filter.lines(of: Array(Self.text.utf8)).count { $0 == 0x0a }
        }
        // The one with the escape is the parser's to read.
        #expect(kept(TableFilter(MountSelection(paths: ["/stage/v1"]))) == 3)
        #expect(kept(TableFilter(MountSelection(devices: [DeviceNumber(major: 7, minor: 3)]))) == 3)
        #expect(kept(TableFilter(tree: "/stage")) == 6)
        // What is on the way to the source, what shows it, and the one with the escape.
        let source = MountSelection(sources: ["/dev/loop3"])
        let origin = MountOrigin(device: DeviceNumber(major: 0, minor: 5), root: "/loop3")
        #expect(kept(TableFilter(source, and: [origin])) == 4)
        #expect(TableFilter(MountSelection(paths: ["/x"])).lines(of: Array("\n\n1 2\n  \n".utf8)).isEmpty)
    }
}
