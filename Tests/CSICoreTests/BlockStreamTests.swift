import CSITransport
import Synchronization
import Testing

@testable import CSICore

@Suite("Block streams")
struct BlockStreamTests {
    /// Collects what a stream sends.
    final class Sink: Sendable {
        private let batches = Mutex<[BlockStream.Batch]>([])

        var all: [BlockStream.Batch] { batches.withLock { $0 } }

        func take(_ batch: BlockStream.Batch) { batches.withLock { $0.append(batch) } }
    }

    private func stream(from offset: Int64 = 0, maximum: Int? = nil, into sink: Sink) -> BlockStream {
        @Sendable func output(_ batch: BlockStream.Batch) async throws(CSIError) { sink.take(batch) }
        return BlockStream(startingOffset: offset, maximumResults: maximum, output: output)
    }

    @Test("Ranges are cut into messages of the size that the caller allows", arguments: [1, 3, 10, 100])
    func batches(maximum: Int) async throws {
        let sink = Sink()
        let stream = stream(maximum: maximum, into: sink)
        try await stream.begin(capacity: 1000, kind: .variableLength)
        for number in 0..<10 { try await stream.send(offset: Int64(number) * 10, length: 5) }
        try await stream.finish()
        #expect(sink.all.allSatisfy { $0.ranges.count <= maximum && $0.capacity == 1000 })
        #expect(sink.all.flatMap(\.ranges).map(\.offset) == (0..<10).map { $0 * 10 })
    }

    @Test("A caller that goes on at an offset gets what ends after it", arguments: [0, 5, 6, 14, 15, 95] as [Int64])
    func resuming(offset: Int64) async throws {
        let sink = Sink()
        let stream = stream(from: offset, into: sink)
        try await stream.begin(capacity: 100, kind: .fixedLength)
        for number in 0..<10 { try await stream.send(offset: Int64(number) * 10, length: 5) }
        try await stream.finish()
        #expect(sink.all.flatMap(\.ranges).map(\.offset) == (0..<10).map { $0 * 10 }.filter { $0 + 5 > offset })
    }

    @Test("No ranges at all are still one message with the size")
    func empty() async throws {
        let sink = Sink()
        let stream = stream(into: sink)
        try await stream.begin(capacity: 7, kind: .fixedLength)
        try await stream.finish()
        #expect(sink.all.map(\.capacity) == [7])
    }

    @Test("An offset beyond the end is OUT_OF_RANGE")
    func beyond() async throws {
        let sink = Sink()
        let stream = stream(from: 100, into: sink)
        let error = await #expect(throws: CSIError.self) { try await stream.begin(capacity: 100, kind: .fixedLength) }
        #expect(error?.code == .outOfRange)
    }

    @Test(
        "A driver that sends nonsense is at fault",
        arguments: [(5, 0), (-1, 5), (0, 101), (Int64.max, 5), (0, -1)] as [(Int64, Int64)])
    func nonsense(offset: Int64, length: Int64) async throws {
        let sink = Sink()
        let stream = stream(into: sink)
        try await stream.begin(capacity: 100, kind: .fixedLength)
        let error = await #expect(throws: CSIError.self) { try await stream.send(offset: offset, length: length) }
        #expect(error?.code == .internalError)
        #expect(sink.all.isEmpty)
    }

    @Test("Ranges may not go back")
    func order() async throws {
        let sink = Sink()
        let stream = stream(into: sink)
        try await stream.begin(capacity: 100, kind: .fixedLength)
        try await stream.send(offset: 50, length: 10)
        await #expect(throws: CSIError.self) { try await stream.send(offset: 40, length: 10) }
        await #expect(throws: CSIError.self) { try await stream.send(offset: 55, length: 10) }
    }
}
