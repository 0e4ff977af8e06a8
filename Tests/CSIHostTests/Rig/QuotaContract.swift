import CSIHost
import CSITestKit
import Glibc
import SystemPackage
import Testing

/// Whether the tests run in a kernel of their own, where they may do anything.
let kernelIsOurs = getenv("CSI_TEST_KERNEL") != nil

/// What every file system with quotas must do, whichever kernel is below it.
enum QuotaContract {
    typealias Body = (any DeviceRig, any DirectoryTree, QuotaSupport) async throws -> Void

    static let mebibyte: Int64 = 1 << 20

    /// Runs a body with a directory on a file system that enforces quotas.
    static func with(_ kind: HostKind, _ type: String, _ body: Body) async throws {
        try await withDevices(kind) { rig in
            let path = rig.scratch.appending(type)
            try rig.addFileSystemWithQuotas(type, at: path)
            let tree = try await rig.files.openDirectory(path)
            let support = try await tree.quotaSupport()
            try #require(support.enforcement == .enforcing, "\(support)")
            try await body(rig, tree, support)
        }
    }

    /// A directory that a limit can belong to, open to everybody.
    private static func makeTree(
        _ name: FilePath, project: UInt32, _ tree: any DirectoryTree, _ support: QuotaSupport
    ) async throws {
        let permissions = FilePermissions(rawValue: 0o777)
        if support.mechanism == .subvolume {
            try await tree.createSubvolume(name, permissions: permissions)
        } else {
            try await tree.createDirectory(name, permissions: permissions)
            try await tree.setProject(project, of: name)
        }
    }

    static func holdsBack(_ rig: any DeviceRig, _ tree: any DirectoryTree, _ support: QuotaSupport) async throws {
        try await makeTree("a", project: 4711, tree, support)
        try await makeTree("b", project: 4712, tree, support)
        try await tree.setQuota(QuotaLimits(bytes: 8 * mebibyte), of: "a")
        let (small, large) = (4 * mebibyte, 12 * mebibyte)
        #expect(rig.applicationWritesAsUser(tree.path.appending("a/small"), bytes: small))
        #expect(!rig.applicationWritesAsUser(tree.path.appending("a/large"), bytes: large))
        #expect(rig.applicationWritesAsUser(tree.path.appending("b/large"), bytes: large))
        let quota = try #require(try await tree.quota(of: "a"))
        #expect(quota.limits == QuotaLimits(bytes: 8 * mebibyte))
        #expect(quota.usedBytes <= 8 * mebibyte + 65536)
        if support.mechanism == .project {
            #expect(quota.id == 4711)
            #expect(quota.usedBytes >= 4 * mebibyte)
            // The pod's `df` shows its own.
            let shown = try await rig.files.capacity(of: tree.path.appending("a"))
            #expect(shown.totalBytes == 8 * mebibyte)
        }
    }

    static func changes(_ rig: any DeviceRig, _ tree: any DirectoryTree, _ support: QuotaSupport) async throws {
        try await makeTree("a", project: 4711, tree, support)
        #expect(try await tree.quota(of: "a")?.limits == .unlimited)
        #expect(try await tree.quota(of: "none") == nil)
        try await tree.setQuota(QuotaLimits(bytes: 1), of: "a")
        // Rounded up: ext4 counts in KiB, XFS in blocks.
        let least: [Int64] = support.mechanism == .project ? [1, 1024, 4096] : [1]
        #expect(try await least.contains(tree.quota(of: "a")?.limits.bytes ?? 0))
        try await tree.setQuota(QuotaLimits(bytes: 4 * mebibyte), of: "a")
        let large = 8 * mebibyte
        #expect(!rig.applicationWritesAsUser(tree.path.appending("a/large"), bytes: large))
        try await tree.setQuota(QuotaLimits(bytes: 64 * mebibyte), of: "a")
        #expect(rig.applicationWritesAsUser(tree.path.appending("a/large"), bytes: large))
        try await tree.setQuota(.unlimited, of: "a")
        #expect(try await tree.quota(of: "a")?.limits == .unlimited)
        #expect(await failure { try await tree.setQuota(QuotaLimits(bytes: 0), of: "a") } == .invalidArgument)
        try await tree.createDirectory("plain", permissions: FilePermissions(rawValue: 0o755))
        #expect(await failure { try await tree.setQuota(QuotaLimits(bytes: 9), of: "plain") } == .invalidArgument)
        if support.mechanism == .subvolume {
            let inodes = await failure { try await tree.setQuota(QuotaLimits(inodes: 9), of: "a") }
            #expect(inodes == .notSupported)
        }
        try await tree.removeTree("a")
        #expect(try await tree.quota(of: "a") == nil)
    }

    static func findsFreeProjects(
        _ rig: any DeviceRig, _ tree: any DirectoryTree, _ support: QuotaSupport
    ) async throws {
        #expect(try await tree.freeProject(in: 100...200, from: 100) == 100)
        try await makeTree("used", project: 100, tree, support)
        try await makeTree("limited", project: 101, tree, support)
        try await tree.setQuota(QuotaLimits(bytes: mebibyte), of: "limited")
        // The limit is there when the tree is gone.
        try await tree.removeTree("limited")
        #expect(try await tree.freeProject(in: 100...200, from: 100) == 102)
        #expect(try await tree.freeProject(in: 99...101, from: 100) == 99)
        #expect(try await tree.freeProject(in: 100...200, from: 7) == 102)
        #expect(await failure { try await tree.freeProject(in: 100...101, from: 100) } == .resourceLimit)
        #expect(try await tree.freeProject(in: 0...5, from: 0) == 1)
    }

    /// A tree goes where there is just enough room for it, however many of its files have several names.
    static func copiesLinks(_ rig: any DeviceRig, _ tree: any DirectoryTree, _ support: QuotaSupport) async throws {
        try await tree.createDirectory("v", permissions: FilePermissions(rawValue: 0o755))
        let count = 20
        for index in 0..<count {
            try await tree.writeFileDurably(FilePath("v/f\(index)"), [1])
            let first = tree.path.appending("v").appending("f\(index)")
            #expect(link(first.string, first.string + "-too") == 0)
        }
        try await makeTree("c", project: 98, tree, support)
        try await tree.setQuota(QuotaLimits(inodes: Int64(1 + count)), of: "c")
        try await tree.copyTree(from: tree.openDirectory("v"), to: "c", options: TreeCopyOptions())
        #expect(try await tree.list("c", limit: 99).count == 2 * count)
        #expect(try await tree.quota(of: "c")?.usedInodes == Int64(1 + count))
    }

    static func limitsInodes(_ rig: any DeviceRig, _ tree: any DirectoryTree, _ support: QuotaSupport) async throws {
        let permissions = FilePermissions(rawValue: 0o777)
        try await tree.createDirectory("a", permissions: permissions)
        try await tree.createDirectory("a/old", permissions: permissions)
        try await tree.writeFileDurably("a/old/file", [1])
        try await tree.setProject(99, of: "a")
        #expect(try await tree.quota(of: "a")?.usedInodes == 3)
        #expect(try await tree.quota(of: "a/old")?.id == 99)
        try await tree.setQuota(QuotaLimits(inodes: 5), of: "a")
        #expect(rig.applicationWritesAsUser(tree.path.appending("a/old/one"), bytes: 1))
        #expect(rig.applicationWritesAsUser(tree.path.appending("a/two"), bytes: 1))
        #expect(!rig.applicationWritesAsUser(tree.path.appending("a/old/three"), bytes: 1))
        #expect(rig.applicationWritesAsUser(tree.path.appending("a/two"), bytes: 1))
        #expect(try await tree.quota(of: "a")?.limits == QuotaLimits(inodes: 5))
        // Nothing is moved past its count.
        try await tree.writeFileDurably("stranger", [1])
        let move = await failure { try await tree.renameDurably(from: "stranger", to: "a/stranger") }
        #expect(move == .crossesMount)
    }
}
