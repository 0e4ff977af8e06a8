import CSIProto
import CSITestKit
import CSITransport
import Synchronization
import Testing

@Suite("The conformance suite")
struct ConformanceTests {
    @Test("passes a driver that does everything right", arguments: MemoryDriver.Variant.allCases)
    func passesTheGood(_ variant: MemoryDriver.Variant) async throws {
        let rig = try await MemoryRig(variant)
        let report = await rig.run()
        #expect(report.failed.isEmpty, "\(report.text(including: [.failed]))")
        rig.driver.state.withLock { state in
            #expect(state.volumes.isEmpty, "volumes are left behind")
            #expect(state.snapshots.isEmpty, "snapshots are left behind")
            #expect(state.groups.isEmpty, "group snapshots are left behind")
            #expect(state.directories.isEmpty, "directories are left behind")
            #expect(state.stacked.isEmpty, "mounts are left behind")
        }
    }

    @Test("runs every row against at least one of the good drivers")
    func skipsNothingEverywhere() async throws {
        var passed: Set<String> = []
        for variant in MemoryDriver.Variant.allCases {
            passed.formUnion(try await MemoryRig(variant).run().passed.map(\.id))
        }
        #expect(Set(Conformance.cases.map(\.id)).subtracting(passed) == [])
    }

    @Test("names every row once")
    func namesAreUnique() {
        var seen: Set<String> = []
        for item in Conformance.cases where !seen.insert(item.id).inserted {
            Issue.record("\(item.id) is there twice")
        }
    }

    @Test("fails a driver that gets one row wrong", arguments: Conformance.cases.map(\.id))
    func failsTheBad(_ id: String) async throws {
        let launching = MemoryLauncher.Fault(rawValue: id)
        let fault = FaultTable.fault(for: id)
        try #require(fault != nil || launching != nil, "no fault is known for \(id)")
        for variant in MemoryDriver.Variant.allCases {
            let rig = try await MemoryRig(variant, fault: fault, launching: launching, only: [id])
            let report = await rig.run()
            let result = try #require(report.results.first)
            if result.kind == .skipped { continue }
            #expect(result.kind == .failed, "\(result)")
            return
        }
        Issue.record("no driver runs \(id)")
    }

    @Test("checks, and throws with what was expected and seen")
    func checkThrows() async throws {
        let fault = Fault.forgives(CSIv1.Controller.createVolume)
        let rig = try await MemoryRig(.full, fault: fault, only: ["create-volume/no-*"])
        let error = await #expect(throws: ConformanceFailures.self) { try await rig.conformance.check() }
        let text = error?.description ?? ""
        #expect(text.contains("FAIL  create-volume/no-name"))
        #expect(text.contains("expected INVALID_ARGUMENT, and saw OK"))
    }

    @Test("a cancelled run ends after its current row and leaves nothing")
    func cancelled() async throws {
        let calls = Atomic(0)
        let run = Mutex<Task<ConformanceReport, Never>?>(nil)
        let fault = Fault { request, _, good in
            if calls.wrappingAdd(1, ordering: .relaxed).newValue == 50 { run.withLock { $0?.cancel() } }
            return good(request)
        }
        let rig = try await MemoryRig(.full, fault: fault)
        // Whoever makes a call that early waits until the task is known.
        let task = run.withLock { run in
            let task = Task { await rig.run() }
            run = task
            return task
        }
        let report = await task.value
        #expect(report.results.count < Conformance.cases.count)
        #expect(report.failed.isEmpty, "\(report.text(including: [.failed]))")
        rig.driver.state.withLock { state in
            #expect(state.volumes.isEmpty && state.directories.isEmpty)
        }
    }

    @Test("removes a volume whose CreateVolume seemed to fail")
    func removesTheUncertain() async throws {
        let fault = Fault(path: CSIv1.Controller.createVolume.path) { request, count, good in
            let result = good(request)
            return count == 1 ? .failure(RPCError(code: .unavailable, message: "the answer is lost")) : result
        }
        let rig = try await MemoryRig(.full, fault: fault, only: ["create-volume/created"])
        #expect(await rig.run().failed.count == 1)
        rig.driver.state.withLock { state in
            #expect(state.volumes.isEmpty)
        }
    }
}
