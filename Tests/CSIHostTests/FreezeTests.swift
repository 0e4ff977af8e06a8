import CLinux
import CSIHost
import CSITestKit
import Glibc
import SystemPackage
import Testing

@Suite("Freezing: it thaws whatever happens")
struct FreezeTests {
    /// A mounted, writable XFS.
    private func withMount(
        _ kind: HostKind, _ body: (any DeviceRig, MountEntry) async throws -> Void
    ) async throws {
        try await withDevices(kind) { rig in
            let disk = try await rig.disk("disk.img", bytes: 320 << 20)
            try await rig.make(.xfs, on: disk)
            let entry = try await rig.mountDisk(disk, FileSystemMountOptions(.xfs), at: "mnt")
            do {
                try await body(rig, entry)
            } catch {
                // Nothing may stay frozen, or cleaning up would hang.
                _ = try? await rig.fileSystems.thaw(entry.mountPoint)
                throw error
            }
            try await rig.mounts.unmount(entry.mountPoint, policy: .orderly())
            try await rig.detach(disk)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a freeze that lasts too long ends by itself, and its copy is not believed`(kind: HostKind) async throws {
        try await withMount(kind) { rig, entry in
            let frozen = try await rig.fileSystems.freeze(entry.mountPoint, atMost: .seconds(5))
            (rig as? FakeRig)?.fake.manualClock.advance(by: .seconds(6))
            // On Linux this waits for the end of the freeze.
            #expect(rig.applicationWrites(entry.mountPoint.appending("file"), [1]))
            #expect(await failure { try await frozen.thaw() } == .timedOut)
        }
    }

    @Test(arguments: HostKind.attaching)
    func `a freeze that is forgotten ends`(kind: HostKind) async throws {
        try await withMount(kind) { rig, entry in
            do {
                let frozen = try await rig.fileSystems.freeze(entry.mountPoint, atMost: .seconds(60))
                _ = frozen
            }
            // The child thaws in its own time.
            #expect(await isThawed(rig, entry.mountPoint))
            #expect(rig.applicationWrites(entry.mountPoint.appending("file"), [1]))
        }
    }

    @Test(arguments: HostKind.attaching)
    func `somebody else's thaw is noticed`(kind: HostKind) async throws {
        try await withMount(kind) { rig, entry in
            let frozen = try await rig.fileSystems.freeze(entry.mountPoint, atMost: .seconds(60))
            #expect(try await rig.fileSystems.thaw(entry.mountPoint))
            #expect(await failure { try await frozen.thaw() } == .timedOut)
        }
    }

    @Test(.enabled(if: HostKind.attachingIsAllowed, HostKind.howToAllowAttaching))
    func `what is dirty is written before the freeze, while writers go on`() async throws {
        try await withMount(.linux) { _, entry in
            let count = 16 << 20
            let written = try Self.bytesWritten(to: entry.device)
            let file = open(entry.mountPoint.appending("file").string, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            try #require(file >= 0)
            defer { close(file) }
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 251) }
            try #require(pwrite(file, bytes, count, 0) == count)
            // Nobody waits for the freeze, so what the child does is what it does before one.
            var ends: [CInt] = [-1, -1]
            try #require(clinux_socket_pair(&ends) == 0)
            defer { close(ends[1]) }
            close(ends[0])
            let directory = open(entry.mountPoint.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            try #require(directory >= 0)
            defer { close(directory) }
            let child = CInt(clinux_spawn_freezer(directory, ends[1], 60_000))
            try #require(child >= 0)
            defer { close(child) }
            #expect(clinux_wait_for_exit(child, 60_000) == 1)
            #expect(clinux_thaw(directory) == -Int(EINVAL), "it froze what nobody waits for")
            #expect(try Self.bytesWritten(to: entry.device) - written >= count)
        }
    }

    /// How many bytes were written to a device since it was made.
    private static func bytesWritten(to device: DeviceNumber) throws -> Int {
        let statistics = try #require(fopen("/sys/dev/block/\(device)/stat", "r"))
        defer { fclose(statistics) }
        var line = [UInt8](repeating: 0, count: 4096)
        let count = fread(&line, 1, line.count, statistics)
        let fields = String(decoding: line.prefix(count), as: UTF8.self).split(separator: " ")
        // The seventh counts sectors, which are 512 bytes whatever the device's are (Documentation/block/stat.rst).
        return try #require(fields.count > 6 ? Int(fields[6]) : nil) * 512
    }

    @Test
    func `a fake driver that dies leaves nothing frozen`() async throws {
        try await withMount(.fake) { rig, entry in
            let fake = try #require((rig as? FakeRig)?.fake)
            let frozen = try await fake.fileSystems.freeze(entry.mountPoint, atMost: .seconds(60))
            #expect(!fake.applicationWrites(entry.mountPoint.appending("file"), [1]))
            fake.restart()
            #expect(fake.applicationWrites(entry.mountPoint.appending("file"), [1]))
            #expect(await failure { try await frozen.thaw() } == .timedOut)
        }
    }

    /// Waits until a file system is no longer frozen.
    private func isThawed(_ rig: any DeviceRig, _ path: FilePath) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < deadline {
            let kind = await failure { try await rig.fileSystems.freeze(path, atMost: .seconds(60)).thaw() }
            if kind == nil { return true }
            guard kind == .busy else { return false }
            usleep(10_000)
        }
        return false
    }

    /// The variable that makes the next test the driver that is to be killed.
    private static let place = "FREEZE_AND_HANG"

    @Test
    func `a driver that freezes and hangs, when the test that follows starts it`() async throws {
        guard let place = getenv(Self.place).map({ FilePath(platformString: $0) }) else { return }
        let frozen = try await LinuxHost().fileSystems.freeze(place, atMost: .seconds(250))
        // The test waits for this line.
        _ = write(1, "frozen", 6)
        try await Task.sleep(for: .seconds(250))
        try await frozen.thaw()
    }

    @Test(.enabled(if: HostKind.attachingIsAllowed, HostKind.howToAllowAttaching))
    func `a driver that is killed leaves nothing frozen`() async throws {
        try await withMount(.linux) { rig, entry in
            let driver = try Driver(environment: [Self.place: entry.mountPoint.string])
            defer { driver.kill() }
            try #require(driver.waits(for: "frozen"))
            #expect(await failure { try await rig.fileSystems.freeze(entry.mountPoint, atMost: .seconds(60)) } == .busy)
            driver.kill()
            #expect(await isThawed(rig, entry.mountPoint))
            #expect(rig.applicationWrites(entry.mountPoint.appending("file"), [1]))
        }
    }

    /// This program, started again to run one test.
    private struct Driver {
        private let process: pid_t
        private let output: CInt

        init(environment: [String: String]) throws {
            var command = Self.commandLine
            // Neither the tests nor the reports that this run was asked for.
            for option in ["--filter", "--skip", "--xunit-output"] {
                while let place = command.firstIndex(of: option) {
                    command.removeSubrange(place..<min(place + 2, command.count))
                }
            }
            command += ["--filter", "a driver that freezes and hangs"]
            var ends: [CInt] = [-1, -1]
            try #require(pipe(&ends) == 0)
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
            defer { posix_spawn_file_actions_destroy(&actions) }
            let inherited = ["PATH", "LD_LIBRARY_PATH"].compactMap { (name: String) in
                getenv(name).map { "\(name)=\(FilePath(platformString: $0).string)" }
            }
            let assignments = inherited + environment.map { "\($0.key)=\($0.value)" }
            var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
            var variables: [UnsafeMutablePointer<CChar>?] = assignments.map { strdup($0) }
            arguments.append(nil)
            variables.append(nil)
            defer { for text in arguments + variables { free(text) } }
            var process: pid_t = 0
            let status = posix_spawn(&process, "/proc/self/exe", &actions, nil, &arguments, &variables)
            close(ends[1])
            try #require(status == 0)
            (self.process, output) = (process, ends[0])
        }

        private static var commandLine: [String] {
            guard let file = fopen("/proc/self/cmdline", "r") else { return [] }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = fread(&bytes, 1, bytes.count, file)
            return bytes.prefix(count).split(separator: 0, omittingEmptySubsequences: true).map {
                String(decoding: $0, as: UTF8.self)
            }
        }

        /// Whether it says something within two minutes.
        func waits(for word: String) -> Bool {
            var said = ""
            let deadline = ContinuousClock.now + .seconds(120)
            while ContinuousClock.now < deadline, !said.contains(word) {
                var waiting = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
                guard poll(&waiting, 1, 1000) > 0 else { continue }
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = read(output, &bytes, bytes.count)
                if count <= 0 { break }
                said += String(decoding: bytes.prefix(count), as: UTF8.self)
            }
            return said.contains(word)
        }

        func kill() {
            var status: CInt = 0
            Glibc.kill(process, SIGKILL)
            waitpid(process, &status, 0)
        }
    }
}
