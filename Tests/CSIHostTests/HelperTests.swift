import Glibc
import SystemPackage
import Testing

@testable import CSIHost

@Suite("Helper processes", .timeLimit(.minutes(5)))
struct HelperTests {
    /// The program of a node, which is also the helper's; the package builds it with the tests, beside them.
    static let program: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let tests = String(decoding: buffer.prefix(max(0, length)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return FilePath(tests).removingLastComponent().appending("csi-node").string
    }()

    private static func host(_ change: (inout NetworkFileSystemSettings) -> Void = { _ in }) -> LinuxHost {
        var settings = NetworkFileSystemSettings(
            patience: .seconds(120), helper: [program, NetworkHelper.argument])
        change(&settings)
        return LinuxHost(network: settings)
    }

    private static func scratch(_ body: (FilePath) async throws -> Void) async throws {
        var template = Array("/tmp/swift-csi-test.XXXXXX".utf8CString)
        let made = FilePath(try #require(mkdtemp(&template).map { String(cString: $0) }))
        do {
            try await body(made)
        } catch {
            try? await LinuxHost().files.openDirectory("/tmp").removeTree(FilePath(made.lastComponent?.string ?? ""))
            throw error
        }
        try await LinuxHost().files.openDirectory("/tmp").removeTree(FilePath(made.lastComponent?.string ?? ""))
    }

    @Test("A tree in a helper does what a tree does")
    func tree() async throws {
        try await Self.scratch { place in
            let tree = try await Self.host().network.openDirectory(place, for: "test", patience: nil)
            try await tree.createDirectory("d", permissions: FilePermissions(rawValue: 0o2750))
            #expect(try await tree.metadata(of: "d")?.permissions == FilePermissions(rawValue: 0o2750))
            #expect(try await tree.metadata(of: "none") == nil)
            try await tree.writeFileDurably("d/f", [1, 2, 3])
            #expect(try await tree.readFile("d/f", limit: 3) == [1, 2, 3])
            await expectKind(.tooLarge) { _ = try await tree.readFile("d/f", limit: 2) }
            await expectKind(.alreadyExists) {
                try await tree.writeFileDurably("d/f", [], permissions: [.ownerRead], replacing: false)
            }
            try await tree.renameDurably(from: "d/f", to: "g")
            #expect(try await tree.list("", limit: 10).map(\.name.string) == ["d", "g"])
            await expectKind(.invalidPath) { _ = try await tree.metadata(of: "../x") }
            symlink("/etc", "\(place)/link")
            await expectKind(.symbolicLink) { _ = try await tree.openDirectory("link") }
            let below = try await tree.openDirectory("d")
            try await below.writeFileDurably("x", [9])
            try await tree.copyTree(from: below, to: "copy", options: TreeCopyOptions())
            #expect(try await tree.readFile("copy/x", limit: 9) == [9])
            #expect(try await tree.capacity().totalBytes > 0)
            #expect(try await tree.removeFile("g"))
            #expect(try await !tree.removeFile("g"))
            await expectKind(.notEmpty) { try await tree.removeDirectory("d") }
            try await tree.removeTree("d")
            try await tree.syncTree("")
            await expectKind(.notSupported) { _ = try await tree.lock("lock") }
        }
    }

    @Test("Several steps in one exchange come to the same")
    func steps() async throws {
        try await Self.scratch { place in
            let tree = try await Self.host().network.openDirectory(place, for: "test", patience: nil)
            try await FileContractTests.performSteps(in: tree)
        }
    }

    @Test("Helpers are used again, and a directory is let go of")
    func reuse() async throws {
        let host = Self.host()
        try await Self.scratch { place in
            for _ in 0..<20 {
                let tree = try await host.network.openDirectory(place, for: "test", patience: nil)
                _ = try await tree.metadata(of: "")
            }
        }
        await expectKind(.notFound) { _ = try await host.network.openDirectory("/nowhere", for: "t", patience: nil) }
    }

    @Test("A helper that makes no progress is killed, and others are not held up")
    func hung() async throws {
        try await Self.scratch { place in
            // Nobody ever writes to it: reading it waits for ever, as for a server that is gone.
            try #require(mkfifo("\(place)/fifo", 0o600) == 0)
            let sleeper = Self.host {
                $0.helper = ["/bin/sleep", "1000"]
                $0.patience = .milliseconds(400)
            }
            let start = ContinuousClock.now
            await expectKind(.timedOut) {
                _ = try await sleeper.network.openDirectory(place, for: "test", patience: nil)
            }
            #expect(ContinuousClock.now - start < .seconds(60))
            // It dies of the kill, if not at once, so the same work can be done again.
            var again = HostError.Kind?.some(.lockHeld)
            while again == .lockHeld {
                again = await failure { try await sleeper.network.openDirectory(place, for: "test", patience: nil) }
            }
            #expect(again == .timedOut)
            _ = try await Self.host().network.openDirectory(place, for: "test", patience: nil)
        }
    }

    @Test("Beats and many wakes are progress; a wake now and then, to connect again, is none")
    func progress() {
        let start = ContinuousClock.now
        func isOver(_ change: (inout HelperWait, _ second: Int, ContinuousClock.Instant) -> Void) -> Bool {
            var wait = HelperWait(patience: .seconds(6), since: start)
            for second in 0..<60 {
                let now = start + .seconds(second)
                change(&wait, second, now)
                if wait.isOver(at: now) { return true }
            }
            return false
        }
        #expect(isOver { wait, _, now in wait.look(7, at: now) })
        #expect(isOver { wait, second, now in wait.look(Int64(second), at: now) })
        #expect(!isOver { wait, second, now in wait.look(Int64(second) * 20, at: now) })
        #expect(!isOver { wait, _, now in _ = wait.receive([0, 0, 0, 0], at: now) })
        #expect(isOver { wait, second, now in if second < 30 { _ = wait.receive([0, 0, 0, 0], at: now) } })
        // Children come and go, and their switches with them.
        #expect(isOver { wait, second, now in wait.look(second.isMultiple(of: 2) ? 4 : 0, at: now) })
    }

    @Test("An answer is found between beats, however it arrives")
    func framing() {
        let bytes: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 7, 8, 9]
        for size in 1...bytes.count {
            var wait = HelperWait(patience: .seconds(1))
            var endings: [HelperWatcher.Ending] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                if let ending = wait.receive(bytes[start..<min(start + size, bytes.count)], at: .now) {
                    endings.append(ending)
                }
            }
            #expect(endings == [.answer([7, 8, 9])])
        }
        var wait = HelperWait(patience: .seconds(1))
        #expect(wait.receive([0xFF, 0xFF, 0xFF, 0xFF], at: .now) == .gone)
    }

    @Test("Work that takes longer than the patience goes on while it makes progress")
    func longWork() async throws {
        // It beats for twice the patience and more, and then ends without an answer.
        let slow = Self.host {
            $0.helper = ["/bin/sh", "-c", #"for i in $(seq 80); do printf '\0\0\0\0' >&0; sleep 0.1; done"#]
            $0.patience = .seconds(3)
        }
        let start = ContinuousClock.now
        var ending = HostError.Kind?.some(.timedOut)
        // A machine that stands still for as long as the patience is no progress either, and hardly does thrice.
        for _ in 0..<3 where ending == .timedOut {
            ending = await failure { try await slow.network.openDirectory("/tmp", for: "test", patience: nil) }
        }
        #expect(ending == .stale)
        #expect(ContinuousClock.now - start >= .seconds(6))
    }

    @Test("A helper beats while it copies, however long that takes")
    func beats() async throws {
        try await Self.scratch { place in
            try await LinuxHost().files.openDirectory(place)
                .createDirectory("many", permissions: FilePermissions(rawValue: 0o755))
            for number in 0..<500 {
                try FileDescriptor.open(
                    place.appending("many/\(number)"), .writeOnly, options: .create, permissions: .ownerReadWrite
                ).close()
            }
            let helper = try HelperProcess([Self.program, NetworkHelper.argument], number: 0)
            defer { helper.kill() }
            try #require(Self.beats(of: helper, during: .openDirectory(place)) != nil)
            // They are some 50 ms apart at least, which is longer than one copy may take.
            var beats = 0
            for number in 0..<200 where beats < 3 {
                beats += try #require(
                    Self.beats(of: helper, during: .copyTree(nil, "many", FilePath("copy-\(number)"), .preferred)))
            }
            #expect(beats >= 3)
        }
    }

    /// How often a helper beats before it says that something is done; nil when it says anything else.
    private static func beats(of helper: HelperProcess, during request: HelperRequest) -> Int? {
        guard HelperFrame.write(request.bytes, to: helper.socket.raw) else { return nil }
        var count = 0
        while let answer = HelperFrame.read(from: helper.socket.raw) {
            guard answer.isEmpty else { return answer.first == 1 ? count : nil }
            count += 1
        }
        return nil
    }

    @Test("Only so many wait for one server; the others are told")
    func bound() async throws {
        try await Self.scratch { place in
            let sleeper = Self.host {
                $0.helper = ["/bin/sleep", "1000"]
                $0.patience = .seconds(2)
                $0.helpersPerServer = 2
            }
            let kinds = await withTaskGroup(of: HostError?.self) { group in
                for index in 0..<6 {
                    group.addTask {
                        do throws(HostError) {
                            _ = try await sleeper.network.openDirectory(place, for: "test \(index)", patience: nil)
                            return nil
                        } catch {
                            return error
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1?.kind) }
            }
            #expect(kinds.allSatisfy { $0 == .timedOut })
        }
    }

    @Test("A helper that ends in the middle, or cannot be started, is an error")
    func gone() async throws {
        let failing = Self.host { $0.helper = ["/bin/true"] }
        await expectKind(.stale) { _ = try await failing.network.openDirectory("/tmp", for: "t", patience: nil) }
        let missing = Self.host { $0.helper = ["/no/such/program"] }
        await expectKind(.notFound) { _ = try await missing.network.openDirectory("/tmp", for: "t", patience: nil) }
    }

    private func expectKind(
        _ kind: HostError.Kind, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async {
        let error = await #expect(throws: HostError.self, sourceLocation: sourceLocation) { try await body() }
        #expect(error?.kind == kind, "\(error?.description ?? "")", sourceLocation: sourceLocation)
    }
}
