import CSIProto
import Testing

@testable import CSITransport

@Suite("The halves of a call, without I/O")
struct StateMachineTests {
    private func feed(_ stream: inout RequestStream, _ bytes: [UInt8]) throws(RPCError) {
        var failure: RPCError?
        var spares = SpareBuffers()
        bytes.withUnsafeBytes { buffer in
            do throws(RPCError) { try stream.receive(buffer, using: &spares) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    // MARK: Requests

    @Test(arguments: 1...12)
    func messagesAreFoundInWhateverPieces(_ size: Int) throws {
        var stream = RequestStream(takesMany: true, messageLimit: 100)
        let bytes = RawClient.message([1, 2, 3]) + RawClient.message([]) + RawClient.message([4])
        var start = 0
        while start < bytes.count {
            try feed(&stream, Array(bytes[start..<min(bytes.count, start + size)]))
            start += size
        }
        try stream.end()
        #expect(stream.bufferedBytes == 4)
        let step1 = stream.take()
        #expect(step1 == [1, 2, 3])
        let step2 = stream.take()
        #expect(step2 == [])
        let step3 = stream.take()
        #expect(step3 == [4])
        let step4 = stream.take()
        #expect(step4 == nil)
        #expect(stream.bufferedBytes == 0)
    }

    @Test func unaryTakesExactlyOne() throws {
        var none = RequestStream(takesMany: false, messageLimit: 100)
        #expect(throws: RPCError.self) { try none.end() }
        var two = RequestStream(takesMany: false, messageLimit: 100)
        try feed(&two, RawClient.message([1]))
        #expect(throws: RPCError.self) { try feed(&two, RawClient.message([2])) }
    }

    @Test func limitIsTheLastLengthAllowed() throws {
        var stream = RequestStream(takesMany: false, messageLimit: 3)
        try feed(&stream, RawClient.message([1, 2, 3]))
        var over = RequestStream(takesMany: false, messageLimit: 3)
        let error = #expect(throws: RPCError.self) { try feed(&over, [0, 0, 0, 0, 4]) }
        #expect(error?.code == .resourceExhausted)
    }

    @Test func endInsideAMessageIsAnError() throws {
        for length in 1..<8 {
            var stream = RequestStream(takesMany: true, messageLimit: 100)
            try feed(&stream, Array(RawClient.message([1, 2, 3]).prefix(length)))
            #expect(throws: RPCError.self) { try stream.end() }
        }
    }

    @Test func discardForgetsEverything() throws {
        var stream = RequestStream(takesMany: true, messageLimit: 100)
        try feed(&stream, RawClient.message([1, 2]) + [0, 0, 0, 0, 9, 1])
        #expect(stream.bufferedBytes == 3)
        stream.discard()
        #expect(stream.bufferedBytes == 0)
        #expect(!stream.hasMessage)
    }

    // MARK: Responses

    private func drain(_ stream: inout ResponseStream, _ size: Int = 4) -> ([UInt8], isEnded: Bool) {
        var bytes: [UInt8] = []
        while true {
            var buffer = [UInt8](repeating: 0, count: size)
            let filled = buffer.withUnsafeMutableBytes { stream.fill($0) }
            switch filled {
            case .more(let count): bytes += buffer[..<count]
            case .paused(let count): return (bytes + buffer[..<count], false)
            case .ended(let count): return (bytes + buffer[..<count], true)
            }
        }
    }

    private func frame(_ bytes: [UInt8]) -> EncodedMessage { TestMessage(value: bytes).encodedFrame() }

    @Test(arguments: 1...16)
    func oneMessageAndItsEnd(_ size: Int) {
        var stream = ResponseStream()
        let step5 = stream.finish(frame([1, 2, 3]), nil)
        #expect(step5 == .sendHead)
        #expect(stream.isFinished)
        #expect(stream.pendingBytes == 10)
        let (bytes, isEnded) = drain(&stream, size)
        #expect(bytes == RawClient.message([10, 3, 1, 2, 3]))
        #expect(isEnded)
        let step6 = stream.finish(nil, RPCError(code: .aborted, message: "late"))
        #expect(step6 == .none)
        #expect(stream.error == nil)
    }

    @Test func errorWithoutAMessageIsTrailersOnly() {
        var stream = ResponseStream()
        let error = RPCError(code: .notFound, message: "no")
        let step7 = stream.finish(nil, error)
        #expect(step7 == .sendTrailersOnly)
        #expect(stream.error == error)
        let step8 = stream.send(frame([1]))
        #expect(step8 == .none)
        #expect(stream.pendingBytes == 0)
    }

    @Test func streamPausesAndGoesOn() {
        var stream = ResponseStream()
        let step9 = stream.send(frame([1]))
        #expect(step9 == .sendHead)
        let step10 = stream.send(frame([2]))
        #expect(step10 == .none)
        var (bytes, isEnded) = drain(&stream)
        #expect(bytes == RawClient.message([10, 1, 1]) + RawClient.message([10, 1, 2]))
        #expect(!isEnded)
        let step11 = stream.send(frame([3]))
        #expect(step11 == .resume)
        let step12 = stream.finish(nil, RPCError(code: .dataLoss, message: "x"))
        #expect(step12 == .none)
        (bytes, isEnded) = drain(&stream)
        #expect(bytes == RawClient.message([10, 1, 3]))
        #expect(isEnded)
        #expect(stream.error?.code == .dataLoss)
    }

    @Test func emptyStreamHasAStatus() {
        var stream = ResponseStream()
        let step13 = stream.finish(nil, nil)
        #expect(step13 == .sendTrailersOnly)
        #expect(stream.error == nil)
        var started = ResponseStream()
        _ = started.send(frame([1]))
        _ = drain(&started)
        let step14 = started.finish(nil, nil)
        #expect(step14 == .resume)
        let (_, isEnded) = drain(&started)
        #expect(isEnded)
    }

    // MARK: What the client reads

    private func head(_ blocks: [[(String, String)]]) throws(RPCError) -> ResponseHead {
        var head = ResponseHead()
        for (index, block) in blocks.enumerated() {
            for (name, value) in block {
                Array(name.utf8).withUnsafeBufferPointer { name in
                    Array(value.utf8).withUnsafeBufferPointer { head.add(name: name, value: $0) }
                }
            }
            try head.endBlock(endsStream: index == blocks.count - 1)
        }
        return head
    }

    private static let start = [(":status", "200"), ("content-type", "application/grpc")]

    @Test func statusComesFromTheTrailers() throws {
        let ok = try head([Self.start + [("a", "1")], [("grpc-status", "0"), ("b", "2")]])
        #expect(ok.outcome(streamCode: 0) == nil)
        #expect(ok.initialMetadata["a"] == "1")
        #expect(ok.trailingMetadata["b"] == "2")
        let error = try head([Self.start + [("grpc-status", "5"), ("grpc-message", "not%20here"), ("c", "3")]])
        #expect(error.outcome(streamCode: 0)?.code == .notFound)
        #expect(error.outcome(streamCode: 0)?.message == "not here")
        #expect(error.outcome(streamCode: 0)?.metadata["c"] == "3")
    }

    @Test(arguments: [
        ("404", RPCCode.unimplemented), ("503", .unavailable), ("401", .unauthenticated), ("500", .unknown),
    ])
    func httpErrorsAreMapped(_ status: String, _ code: RPCCode) throws {
        let answer = try head([[(":status", status)]])
        #expect(answer.outcome(streamCode: 0)?.code == code)
        let error = #expect(throws: RPCError.self) { try head([[(":status", status)], []]) }
        #expect(error?.code == code)
    }

    @Test(arguments: [(UInt32(7), RPCCode.unavailable), (8, .cancelled), (11, .resourceExhausted), (2, .internalError)])
    func resetsAreMapped(_ reset: UInt32, _ code: RPCCode) {
        #expect(ResponseHead().outcome(streamCode: reset)?.code == code)
    }

    // MARK: Bounds

    @Test func bucketsRefill() {
        var bucket = TokenBucket(burst: 3, perSecond: 2)
        let later: UInt64 = 1_000_000_000_000
        let times: [(UInt64, Bool)] = [
            (1_000_000_000, true), (1_000_000_000, true), (1_000_000_000, true), (1_000_000_000, false),
            (1_400_000_000, false), (1_600_000_000, true), (1_600_000_000, false), (later, true), (later, true),
            (later, true), (later, false),
        ]
        for (time, expected) in times {
            let isTaken = bucket.take(at: time)
            #expect(isTaken == expected, "at \(time)")
        }
    }

    @Test func timersFireInOrder() {
        var heap = TimerHeap()
        var fired: [UInt64] = []
        let deadlines: [UInt64] = [5, 3, 9, 1, 7, 3, 8, 2, 6, 4]
        let timers = deadlines.map { deadline in LoopTimer { fired.append(deadline) } }
        for (timer, deadline) in zip(timers, deadlines) { heap.arm(timer, at: deadline) }
        heap.disarm(timers[2])
        heap.disarm(timers[2])
        heap.arm(timers[3], at: 10)
        let early = heap.popDue(1)
        #expect(early === nil)
        while let timer = heap.popDue(20) { TimerHeap.fire(timer) }
        #expect(fired == [2, 3, 3, 4, 5, 6, 7, 8, 1])
        #expect(heap.isEmpty)
    }

    @Test func queuesKeepTheirOrder() {
        var queue = MessageQueue<Int>()
        var expected = 0
        var next = 0
        for round in 0..<300 {
            for _ in 0..<round % 5 + 1 {
                queue.append(next)
                next += 1
            }
            for _ in 0..<round % 4 {
                if let taken = queue.take() {
                    #expect(taken == expected)
                    expected += 1
                }
            }
            #expect(queue.count == next - expected)
        }
        while let taken = queue.take() {
            #expect(taken == expected)
            expected += 1
        }
        #expect(expected == next)
        #expect(queue.isEmpty)
    }
}
