import CSICore
import CSIHost
import CSITestKit
import CSITransport
import Logging
import SystemPackage
import Testing

@testable import CSIPool

@Suite("Volume pools")
struct VolumePoolTests {
    private let host = FakeHost()
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init() {
        host.addDirectory("/pool")
    }

    private func pool(_ access: VolumePool.Access = .manage) -> VolumePool {
        VolumePool(path: "/pool", access: access, host: host, logger: logger)
    }

    private func record(_ name: String, capacity: Int64 = 1) throws -> VolumeRecord {
        let name = try VolumeName(name)
        return VolumeRecord(
            id: VolumeID(derivedFrom: name), name: name, capacity: capacity,
            fingerprint: Fingerprint([.init("name", name.rawValue)]))
    }

    private func names(_ pool: VolumePool) -> [String] {
        pool.page(after: nil, limit: .max).volumes.map(\.id.rawValue)
    }

    @Test("A volume is there for every process until it is removed")
    func lifeCycle() async throws {
        let manager = pool()
        try await manager.open()
        try await manager.rebuild()
        let reader = pool(.lookUp)
        try await reader.open()
        let record = try record("a")
        try await manager.add(record, dataPermissions: FilePermissions(rawValue: 0o777))
        #expect(try await reader.record(record.id) == record)
        #expect(try await reader.hasData(record.id))
        #expect(host.metadata(of: "/pool/volumes/a/data")?.permissions == FilePermissions(rawValue: 0o777))
        #expect(host.metadata(of: "/pool/volumes")?.permissions == FilePermissions(rawValue: 0o700))
        #expect(names(manager) == ["a"])
        try await manager.remove(record.id)
        #expect(try await reader.record(record.id) == nil)
        #expect(names(manager).isEmpty)
        try await manager.remove(record.id)
        #expect(host.paths(below: "/pool/.trash") == ["/pool/.trash"])
    }

    @Test("Parts of an array keep its order, and are few", arguments: [0, 1, 9, 10, 11, 40, 41, 1001])
    func parts(count: Int) async {
        let parts = await pool().inParts(Array(0..<count), of: 10) { Array($0) }
        #expect(parts.flatMap { $0 } == Array(0..<count))
        #expect(parts.count <= 4 && (count <= 10) == (parts.count == 1))
    }

    @Test("A large pool is read at a start, and looked at for a list, in parts that keep the order")
    func largePool() async throws {
        let first = pool()
        try await first.open()
        try await first.rebuild()
        for number in 0..<1100 {
            try await first.add(try record("v\(number)"), dataPermissions: FilePermissions(rawValue: 0o777))
        }
        let lost = names(first)[700]
        try await host.files.openDirectory("/pool/volumes").removeDirectory(FilePath("\(lost)/data"))
        host.restart()
        let second = pool()
        try await second.open()
        try await second.rebuild()
        #expect(names(second) == names(first))
        let volumes = second.page(after: nil, limit: .max).volumes
        let conditions = try await second.conditions(of: volumes, in: try await second.health())
        #expect(conditions.count == 1100)
        for (volume, condition) in zip(volumes, conditions) {
            #expect(condition.isAbnormal == (volume.id.rawValue == lost), "\(volume.id)")
        }
    }

    @Test(
        "Ids that this pool never gave out name nothing",
        arguments: ["..", ".", "../x", "a/b", ".trash", "a.partial", "A"])
    func foreignIDs(text: String) async throws {
        let pool = pool()
        try await pool.open()
        try await pool.rebuild()
        host.addDirectory("/pool/volumes/a.partial")
        let id = try VolumeID(text)
        #expect(try await pool.record(id) == nil)
        #expect(try await !pool.hasData(id))
        #expect(pool.dataPath(of: id) == nil)
        let before = host.paths(below: "/")
        try await pool.remove(id)
        #expect(host.paths(below: "/") == before)
    }

    @Test("A start throws leftovers away and keeps what is whole")
    func leftovers() async throws {
        let first = pool()
        try await first.open()
        try await first.rebuild()
        try await first.add(record("whole"), dataPermissions: .ownerReadWriteExecute)
        host.restart()
        host.addFile("/pool/volumes/half.partial/volume", Array("torn".utf8))
        host.addFile("/pool/.trash/gone.0123/data/file", [1])
        let second = pool()
        try await second.open()
        try await second.rebuild()
        #expect(names(second) == ["whole"])
        #expect(host.metadata(of: "/pool/volumes/half.partial") == nil)
        #expect(host.paths(below: "/pool/.trash") == ["/pool/.trash"])
    }

    @Test("A volume whose record cannot be used is set aside untouched; the rest is served")
    func quarantine() async throws {
        let first = pool()
        try await first.open()
        try await first.rebuild()
        try await first.add(record("good"), dataPermissions: .ownerReadWriteExecute)
        host.restart()
        host.addFile("/pool/volumes/torn/volume", Array("swift-csi volume 1\nid torn\n".utf8))
        host.addFile("/pool/volumes/torn/data/precious", [42])
        host.addDirectory("/pool/volumes/bare/data")
        host.addFile("/pool/volumes/Not A Volume", [1])
        let second = pool()
        try await second.open()
        try await second.rebuild()
        #expect(names(second) == ["good"])
        for name in ["torn", "bare"] {
            let error = await #expect(throws: CSIError.self) { try await second.record(VolumeID(name)) }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message.contains("/pool/volumes/\(name)/volume") == true)
        }
        #expect(host.content(of: "/pool/volumes/torn/data/precious") == [42])
        #expect(host.content(of: "/pool/volumes/Not A Volume") == [1])
    }

    @Test("A record that cannot be read because of the disk is set aside too")
    func unreadable() async throws {
        let first = pool()
        try await first.open()
        try await first.rebuild()
        try await first.add(record("bad"), dataPermissions: .ownerReadWriteExecute)
        try await first.add(record("good"), dataPermissions: .ownerReadWriteExecute)
        host.restart()
        host.fail(.readFile, at: "/pool/volumes/bad/volume", with: .inputOutput, times: 1)
        let second = pool()
        try await second.open()
        try await second.rebuild()
        #expect(names(second) == ["good"])
    }

    @Test("A full disk is RESOURCE_EXHAUSTED and leaves nothing behind, whatever step it meets")
    func full() async throws {
        let pool = pool()
        try await pool.open()
        try await pool.rebuild()
        host.clearEffects()
        try await pool.add(record("probe"), dataPermissions: .ownerReadWriteExecute)
        let steps = host.effects.filter { $0.operation != .removeTree }.map(\.operation)
        #expect(steps.count >= 5)
        for (number, step) in steps.enumerated() {
            host.fail(step, with: .noSpace, times: 1)
            let record = try record("v\(number)")
            let error = await #expect(throws: CSIError.self) {
                try await pool.add(record, dataPermissions: .ownerReadWriteExecute)
            }
            #expect(error?.code == .resourceExhausted, "\(step)")
            #expect(host.paths(below: "/pool/volumes").filter { $0.string.contains("v\(number)") } == [])
            host.clearFaults()
            try await pool.add(record, dataPermissions: .ownerReadWriteExecute)
        }
    }

    @Test("A second manager is refused, also after the first one is killed and only until then")
    func lock() async throws {
        let first = pool()
        try await first.open()
        try await first.rebuild()
        let second = pool()
        let error = await #expect(throws: CSIError.self) { try await second.open() }
        #expect(error?.message.contains("managed by another running controller") == true)
        host.restart()
        try await pool().open()
    }

    @Test("A pool that cannot be used says why and what to do")
    func unusable() async throws {
        host.addFile("/file", [])
        for (path, complaint) in [("/missing", "create it"), ("/file", "must be a directory")] as [(FilePath, String)] {
            let pool = VolumePool(path: path, access: .manage, host: host, logger: logger)
            let error = await #expect(throws: CSIError.self) { try await pool.open() }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message.contains(path.string) == true)
            #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
        }
        host.setReadOnly(true, fileSystemOf: "/pool")
        let error = await #expect(throws: CSIError.self) { try await pool().open() }
        #expect(error?.message.lowercased().contains("read-only") == true, "\(error?.message ?? "")")
    }
}
