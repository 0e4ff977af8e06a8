import CSIHost
import CSITestKit
import SystemPackage
import Testing

@Suite("Quotas: the same contract for the model and for Linux")
struct QuotaContractTests {
    /// A host and a file system that holds trees back.
    struct Case: CustomTestStringConvertible {
        let kind: HostKind
        let type: String

        var testDescription: String { "\(kind.rawValue), \(type)" }

        static let projects = ["ext4", "xfs"].map { Case(kind: .fake, type: $0) }
        static let all = projects + HostKind.attaching.map { Case(kind: $0, type: "btrfs") }
    }

    @Test(arguments: Case.all)
    func `a tree holds what its limit says, and its neighbours what they like`(on: Case) async throws {
        try await QuotaContract.with(on.kind, on.type, QuotaContract.holdsBack)
    }

    @Test(arguments: Case.all)
    func `limits grow, are read back, and go`(on: Case) async throws {
        try await QuotaContract.with(on.kind, on.type, QuotaContract.changes)
    }

    @Test(arguments: Case.projects)
    func `a free project is one that nobody uses or limits`(on: Case) async throws {
        try await QuotaContract.with(on.kind, on.type, QuotaContract.findsFreeProjects)
    }

    @Test(arguments: Case.projects)
    func `inodes are limited, and a project reaches the whole tree`(on: Case) async throws {
        try await QuotaContract.with(on.kind, on.type, QuotaContract.limitsInodes)
    }

    @Test(arguments: HostKind.allCases)
    func `a file system without quotas says so`(kind: HostKind) async throws {
        try await withHost(kind) { rig in
            let tree = try await rig.tree()
            let support = try await tree.quotaSupport()
            #expect(support.enforcement == .none)
            #expect(support.detail != nil)
            try await rig.makeDirectories("d")
            #expect(try await tree.quota(of: "d") == nil)
            #expect(await failure { try await tree.setProject(7, of: "d") } == .notSupported)
            #expect(await failure { try await tree.freeProject(in: 1...9, from: 1) } == .notSupported)
        }
    }
}

/// ext4 and XFS count projects in a kernel that was built for it.
@Suite("Project quotas of the kernel", .enabled(if: kernelIsOurs), .serialized, .timeLimit(.minutes(5)))
struct QuotaKernelTests {
    @Test(arguments: ["ext4", "xfs"])
    func `project quotas keep the contract`(type: String) async throws {
        try await QuotaContract.with(.linux, type, QuotaContract.holdsBack)
        try await QuotaContract.with(.linux, type, QuotaContract.changes)
        try await QuotaContract.with(.linux, type, QuotaContract.findsFreeProjects)
        try await QuotaContract.with(.linux, type, QuotaContract.limitsInodes)
        try await QuotaContract.with(.linux, type, QuotaContract.copiesLinks)
    }

    @Test func `quota groups of an older kernel keep the contract`() async throws {
        try await QuotaContract.with(.linux, "btrfs", QuotaContract.holdsBack)
        try await QuotaContract.with(.linux, "btrfs", QuotaContract.changes)
    }
}
