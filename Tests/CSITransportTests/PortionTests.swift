import CSIProto
import Testing

@testable import CSITransport

@Suite("Many small calls that come together")
struct PortionTests {
    /// Keeps what a connection writes, write by write.
    private final class RecordingWire: Wire {
        var writes: [[UInt8]] = []

        var isDrained: Bool { true }
        var peer: PeerCredentials? { nil }

        func write(_ bytes: UnsafeRawBufferPointer) { writes.append(Array(bytes)) }
        func setReading(_ on: Bool) {}
        func close() {}
    }

    /// A connection on a loop that no thread runs: turns end when the test says so.
    private func connection(_ wire: RecordingWire) throws -> ServerConnection {
        var router = RPCRouter()
        router.immediate(TestMethods.probe) { (_, _) throws(RPCError) in TestMessage(value: [8, 1]) }
        let core = ServerCore(
            loop: try EventLoop(), routes: RouteTable(router.routes), configuration: .forTests, logger: .silent)
        let connection = try #require(ServerConnection(core, wire: wire))
        let hello = RawClient.preface + RawClient.frame(4)
        hello.withUnsafeBytes { connection.receive($0) }
        connection.endOfTurn()
        wire.writes = []
        return connection
    }

    private func calls(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { index -> [UInt8] in
            let stream = Int32(2 * index + 1)
            let fields = RawClient.callFields(TestMethods.probe.path.split(separator: "/").last.map(String.init) ?? "")
            return RawClient.frame(1, 4, stream, RawClient.block(fields))
                + RawClient.frame(0, 1, stream, RawClient.message([]))
        }
    }

    /// The streams whose last frame is among `bytes`.
    private func ended(_ bytes: [UInt8]) -> [Int32] {
        var found: [Int32] = []
        var rest = bytes[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            if head[3] == 1 && head[4] & 1 != 0 { found.append(head[5..<9].reduce(0) { $0 << 8 | Int32($1) }) }
            rest = rest.dropFirst(9 + length)
        }
        return found
    }

    @Test func theFirstAreAnsweredBeforeTheLastAreRead() throws {
        let wire = RecordingWire()
        let connection = try connection(wire)
        calls(100).withUnsafeBytes { connection.receive($0) }
        let early = ended(wire.writes.flatMap(\.self))
        #expect(wire.writes.count >= 3)
        #expect(early.count >= 50 && early.count < 100)
        connection.endOfTurn()
        #expect(ended(wire.writes.flatMap(\.self)) == (0..<100).map { Int32(2 * $0 + 1) })
    }

    @Test func fewAreAnsweredInOneWrite() throws {
        let wire = RecordingWire()
        let connection = try connection(wire)
        calls(5).withUnsafeBytes { connection.receive($0) }
        #expect(wire.writes.isEmpty)
        connection.endOfTurn()
        #expect(wire.writes.count == 1)
        #expect(ended(wire.writes.flatMap(\.self)).count == 5)
    }

    @Test func nothingIsTakenAfterTheConnectionBroke() throws {
        let wire = RecordingWire()
        let connection = try connection(wire)
        let broken = calls(20) + [UInt8](repeating: 0xFF, count: 4_000) + calls(20)
        broken.withUnsafeBytes { connection.receive($0) }
        connection.endOfTurn()
        #expect(ended(wire.writes.flatMap(\.self)).allSatisfy { $0 <= 39 })
    }
}
