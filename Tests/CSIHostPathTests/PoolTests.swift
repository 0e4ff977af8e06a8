import CSIHost
import CSIPool
import CSIProto
import CSITestKit
import CSITransport
import SystemPackage
import Testing

@testable import CSICore
@testable import CSIHostPath

@Suite("hostPath keeps several pools")
struct PoolTests {
    private static let pools: [HostPathConfiguration.Pool] = [
        .init(name: "fast", path: "/scratch/fast"), .init(path: "/scratch/pool"),
        .init(name: "bulk", path: "/scratch/bulk"),
    ]

    @Test("A class names its pool, and one that names none means the one without a name")
    func named() async throws {
        try await Rig.withQuotas(pools: Self.pools) { rig, host in
            for (id, pool, path) in [("a", "fast", "fast"), ("b", "", "pool"), ("c", "bulk", "bulk")] {
                let parameters: ProtoMap<String, String> = pool.isEmpty ? [:] : ["pool": pool]
                let request = try Requests.create(id, parameters: parameters)
                let made = try await rig.driver.create(request)
                #expect(host.metadata(of: FilePath("/scratch/\(path)/volumes/\(id)/data")) != nil)
                #expect(made.context["pool"] == (pool.isEmpty ? nil : pool))
                #expect(try await rig.driver.create(request) == made)
                #expect(try await rig.driver.volume(VolumeID(id)) == made)
            }
            let elsewhere = await #expect(throws: CSIError.self) {
                _ = try await rig.driver.create(Requests.create("d", parameters: ["pool": "slow"]))
            }
            #expect(elsewhere?.code == .resourceExhausted)
            #expect(elsewhere?.message.contains("fast, bulk") == true)
            // The id is taken, whichever pool holds it.
            let other = await #expect(throws: CSIError.self) {
                _ = try await rig.driver.create(Requests.create("a", parameters: ["pool": "bulk"]))
            }
            #expect(other?.code == .alreadyExists)
        }
    }

    @Test("A list goes through all pools in one order, page by page")
    func lists() async throws {
        try await Rig.withQuotas(pools: Self.pools) { rig, _ in
            let names = ["fast", "bulk", ""]
            for number in 0..<10 {
                let pool = names[number % 3]
                _ = try await rig.driver.create(
                    Requests.create("v\(number)", parameters: pool.isEmpty ? [:] : ["pool": pool]))
            }
            for size in [1, 2, 3, 4, 9, 10, 11] {
                var seen: [String] = []
                var token = ""
                repeat {
                    let request = try ListVolumes(validating: .init(maxEntries: Int32(size), startingToken: token))
                    let page = try await rig.driver.list(request)
                    #expect(page.entries.count <= size && !page.entries.isEmpty)
                    seen += page.entries.map(\.volume.id.rawValue)
                    token = page.next.map { PageToken.encoded(after: $0) } ?? ""
                } while !token.isEmpty
                #expect(seen == (0..<10).map { "v\($0)" }, "pages of \(size)")
            }
        }
    }

    @Test("Capacity is that of the pool a class means")
    func capacity() async throws {
        try await Rig.withQuotas(pools: Self.pools) { rig, host in
            host.addFileSystem(at: "/scratch/big", type: "xfs", bytes: 4 << 30)
            host.addDirectory("/scratch/big/pool")
            host.restart()
            let driver = try Rig.driver(
                host,
                pools: [.init(name: "fast", path: "/scratch/fast"), .init(name: "big", path: "/scratch/big/pool")])
            try await driver.preflight()
            try await driver.start()
            func room(_ pool: String?) async throws -> Int64 {
                let parameters: ProtoMap<String, String> = pool.map { ["pool": $0] } ?? [:]
                return try await driver.capacity(GetCapacity(validating: .init(parameters: parameters))).available
            }
            #expect(try await room("big") > 3 << 30)
            #expect(try await room("fast") < 1 << 30)
            // None without a name: the first one given.
            let (usual, fast) = (try await room(nil), try await room("fast"))
            #expect(usual == fast)
            #expect(try await room("slow") == 0)
        }
    }

    @Test("Two names for one directory, and a pool in a pool, are refused")
    func apart() async throws {
        let host = FakeHost()
        host.addDirectory("/a/b")
        host.addSymbolicLink("/link", to: "/a")
        for (first, second, complaint) in [
            ("/a", "/link", "one directory"), ("/a", "/a", "one directory"), ("/a", "/a/b", "lies in the other"),
            ("/link/b", "/a", "lies in the other"),
        ] as [(FilePath, FilePath, String)] {
            let driver = try Rig.driver(host, pools: [.init(name: "x", path: first), .init(path: second)])
            let error = await #expect(throws: CSIError.self) { try await driver.preflight() }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
        }
    }

    @Test("A volume that two pools hold is nobody's until one is moved away")
    func twice() async throws {
        try await Rig.withQuotas(pools: Self.pools) { rig, host in
            _ = try await rig.driver.create(Requests.create("v"))
            let record = try #require(host.content(of: "/scratch/pool/volumes/v/volume"))
            host.addFile("/scratch/bulk/volumes/v/volume", record)
            let error = await #expect(throws: CSIError.self) { try await rig.driver.delete(Requests.delete("v")) }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message.contains("/scratch/bulk") == true)
        }
    }

    @Test(
        "Names that cannot be used",
        arguments: [["a", "a"], ["A"], [""], ["a b"], [String(repeating: "a", count: 64)]])
    func names(names: [String]) throws {
        #expect(throws: CSIError.self) {
            _ = try Rig.driver(FakeHost(), pools: names.map { .init(name: $0, path: "/p") })
        }
        #expect(throws: CSIError.self) { _ = try Rig.driver(FakeHost(), pools: []) }
    }
}
