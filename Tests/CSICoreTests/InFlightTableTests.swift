import CSIProto
import CSITransport
import Synchronization
import Testing

@testable import CSICore

/// A gate that a handler waits at until the test opens it.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// Counts from several threads.
final class Counter: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }

    func increment() -> Int { count.wrappingAdd(1, ordering: .relaxed).newValue }
}

@Suite("In-flight operations", .timeLimit(.minutes(5)))
struct InFlightTableTests {
    private let table = InFlightTable()
    private let executor = BlockingExecutor(name: "test", maximumThreads: 4)

    private func create(_ name: String, parameter: String = "") throws -> CreateVolume {
        try CreateVolume(
            validating: .init(
                name: name,
                volumeCapabilities: [.init(accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))],
                parameters: parameter.isEmpty ? [:] : ["p": parameter]))
    }

    private func untilHeld(_ count: Int) async throws {
        while table.count != count { try await Task.sleep(for: .milliseconds(1)) }
    }

    private func untilWaiting(_ count: Int) async throws {
        while table.entries.first?.waiters != count { try await Task.sleep(for: .milliseconds(1)) }
    }

    @Test("Equal requests share one run and one answer")
    func joins() async throws {
        let gate = Gate()
        let runs = Counter()
        let request = try create("a")
        @Sendable func body(_: CreateVolume) async throws(CSIError) -> Int {
            let run = runs.increment()
            await gate.wait()
            return run
        }
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 {
                group.addTask { try await table.run("CreateVolume", request, on: executor, body: body) }
            }
            try await untilWaiting(20)
            gate.open()
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(answers == [1])
        #expect(runs.value == 1)
        #expect(table.count == 0)
    }

    @Test("Any other request for a held key is ABORTED, naming the holder and its age")
    func conflicts() async throws {
        let gate = Gate()
        @Sendable func held(_: CreateVolume) async throws(CSIError) -> Int {
            await gate.wait()
            return 1
        }
        @Sendable func refused(_: CreateVolume) async throws(CSIError) -> Int { 2 }
        @Sendable func delete(_: DeleteVolume) async throws(CSIError) -> Int { 3 }
        let request = try create("a")
        let running = Task { try await table.run("CreateVolume", request, on: executor, body: held) }
        try await untilHeld(2)

        let other = try create("a", parameter: "x")
        let conflict = await #expect(throws: CSIError.self) {
            try await table.run("CreateVolume", other, on: executor, body: refused)
        }
        #expect(conflict?.code == .aborted)
        #expect(conflict?.message.contains("CreateVolume on volume name \"a\" has been running for ") == true)
        let removal = try DeleteVolume(validating: .init(volumeID: "a"))
        let second = await #expect(throws: CSIError.self) {
            try await table.run("DeleteVolume", removal, on: executor, body: delete)
        }
        #expect(second?.code == .aborted)
        // Another volume is not concerned.
        #expect(try await table.run("CreateVolume", create("b"), on: executor, body: refused) == 2)
        #expect(table.entries.map(\.method) == ["CreateVolume"])

        gate.open()
        #expect(try await running.value == 1)
        #expect(try await table.run("DeleteVolume", removal, on: executor, body: delete) == 3)
    }

    @Test("A delete ends the work that makes what it names, and nothing else")
    func deleteEndsCreate() async throws {
        let ended = Counter()
        @Sendable func copy(_: CreateVolume) async throws(CSIError) -> Int {
            while !Task.isCancelled { await Task.yield() }
            _ = ended.increment()
            throw .cancelled("the copy was ended")
        }
        @Sendable func delete(_: DeleteVolume) async throws(CSIError) -> Int { 3 }
        let removal = try DeleteVolume(validating: .init(volumeID: "a"))
        let request = try create("a")
        let running = Task { try await table.run("CreateVolume", request, on: executor, body: copy) }
        try await untilHeld(2)
        // A delete of another volume, and a second create, are no reason to stop.
        #expect(
            try await table.run(
                "DeleteVolume", DeleteVolume(validating: .init(volumeID: "b")), on: executor, body: delete)
                == 3)
        await #expect(throws: CSIError.self) {
            try await table.run("CreateVolume", create("a", parameter: "x"), on: executor, body: copy)
        }
        #expect(ended.value == 0)
        let refused = await #expect(throws: CSIError.self) {
            try await table.run("DeleteVolume", removal, on: executor, body: delete)
        }
        #expect(refused?.code == .aborted)
        let outcome = await #expect(throws: CSIError.self) { try await running.value }
        #expect(outcome?.code == .cancelled)
        #expect(ended.value == 1)
        #expect(try await table.run("DeleteVolume", removal, on: executor, body: delete) == 3)
    }

    @Test("A delete leaves a stage and a copy that reads from the volume alone")
    func deleteEndsNothingElse() async throws {
        let gate = Gate()
        @Sendable func stage(_: StageVolume) async throws(CSIError) -> Bool {
            await gate.wait()
            return Task.isCancelled
        }
        @Sendable func delete(_: DeleteVolume) async throws(CSIError) -> Int { 3 }
        let request = try StageVolume(
            validating: .init(
                volumeID: "a", stagingTargetPath: "/staging",
                volumeCapability: .init(accessType: .mount(.init()), accessMode: .init(mode: .singleNodeWriter))))
        let running = Task { try await table.run("NodeStageVolume", request, on: executor, body: stage) }
        try await untilHeld(3)
        await #expect(throws: CSIError.self) {
            try await table.run(
                "DeleteVolume", DeleteVolume(validating: .init(volumeID: "a")), on: executor, body: delete)
        }
        gate.open()
        #expect(try await running.value == false)
    }

    @Test("A caller that gives up leaves the work running and the keys held; the next equal request joins it")
    func outlivesItsCaller() async throws {
        let gate = Gate()
        let runs = Counter()
        @Sendable func body(_: CreateVolume) async throws(CSIError) -> Int {
            await gate.wait()
            return runs.increment()
        }
        let request = try create("a")
        let caller = Task { try await table.run("CreateVolume", request, on: executor, body: body) }
        try await untilHeld(2)
        caller.cancel()
        let error = await #expect(throws: CSIError.self) { try await caller.value }
        #expect(error?.code == .cancelled)
        #expect(table.count == 2)

        let retry = Task { try await table.run("CreateVolume", request, on: executor, body: body) }
        try await untilWaiting(1)
        gate.open()
        #expect(try await retry.value == 1)
        #expect(runs.value == 1)
        #expect(table.count == 0)
    }

    @Test("A caller that is cancelled before it begins to wait still returns")
    func cancelledEarly() async throws {
        let gate = Gate()
        @Sendable func body(_: CreateVolume) async throws(CSIError) -> Int {
            await gate.wait()
            return 1
        }
        let request = try create("a")
        let caller = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await table.run("CreateVolume", request, on: executor, body: body)
        }
        await #expect(throws: CSIError.self) { try await caller.value }
        gate.open()
        try await untilHeld(0)
    }

    @Test("An error reaches every caller and frees the keys")
    func errors() async throws {
        @Sendable func body(_: CreateVolume) async throws(CSIError) -> Int { throw .noSpace("full") }
        let request = try create("a")
        for _ in 0..<3 {
            let error = await #expect(throws: CSIError.self) {
                try await table.run("CreateVolume", request, on: executor, body: body)
            }
            #expect(error?.code == .resourceExhausted)
            #expect(table.count == 0)
        }
    }
}
