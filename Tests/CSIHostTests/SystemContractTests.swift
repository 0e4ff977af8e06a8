import CSIHost
import CSITestKit
import SystemPackage
import Testing

@Suite("What a machine offers")
struct SystemContractTests {
    private func system(_ kind: HostKind) -> any SystemInspection {
        switch kind {
        case .fake: FakeHost().system
        case .linux: LinuxHost().system
        }
    }

    @Test(arguments: HostKind.allCases, KernelFeature.allCases)
    func `a machine that tests run on has every feature`(kind: HostKind, feature: KernelFeature) async throws {
        // Where tests run without root, the kernel refuses some; none is missing.
        #expect(try await system(kind).support(for: feature) != .missing)
        guard kind == .fake || HostKind.mountsAreAllowed else { return }
        #expect(try await system(kind).support(for: feature) == .available)
    }

    @Test(arguments: HostKind.mounting)
    func `who may mount has the capability for it`(kind: HostKind) async throws {
        #expect(try await system(kind).capabilities().contains(.systemAdministration))
    }

    @Test(arguments: HostKind.allCases)
    func `programs are found by name`(kind: HostKind) async throws {
        #expect(try await system(kind).hasProgram("sh"))
        let fake = FakeHost()
        fake.changeMachine { $0.missingPrograms = ["no-such-program"] }
        let system = kind == .fake ? fake.system : LinuxHost().system
        #expect(try await !system.hasProgram("no-such-program"))
    }

    @Test(arguments: HostKind.allCases)
    func `file systems that need no device are known`(kind: HostKind) async throws {
        let types = try await system(kind).fileSystemTypes()
        #expect(types.isSuperset(of: ["proc", "sysfs", "tmpfs"]))
        #expect(!types.contains("nodev"))
    }

    @Test(arguments: HostKind.allCases)
    func `a device is opened or its absence is an error`(kind: HostKind) async throws {
        try await system(kind).requireDevice("/dev/null")
        let fake = FakeHost()
        fake.changeMachine { $0.closedDevices["/dev/absent"] = .notFound }
        let system = kind == .fake ? fake.system : LinuxHost().system
        #expect(await failure { try await system.requireDevice("/dev/absent") } == .notFound)
    }

    @Test
    func `a fake machine lacks what it is told to`() async throws {
        let fake = FakeHost()
        fake.changeMachine { machine in
            machine.features[.openat2] = .missing
            machine.capabilities = [.chown]
            machine.fileSystemTypes = []
        }
        #expect(try await fake.system.support(for: .openat2) == .missing)
        #expect(try await fake.system.support(for: .fsmount) == .available)
        #expect(try await fake.system.capabilities() == [.chown])
        #expect(try await fake.system.fileSystemTypes().isEmpty)
        #expect(fake.mutations.isEmpty)
    }
}
