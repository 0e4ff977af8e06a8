import Synchronization

/// One method that a server answers: its path, its shape and what runs a call of it.
final class Route: Sendable {
    /// How many messages go each way.
    struct Shape: Sendable {
        var streamsRequests = false
        var streamsResponses = false
    }

    let path: String
    let shape: Shape

    /// The path as it is on the wire.
    let pathBytes: [UInt8]

    /// Runs one call to its end, on the executor that it is called on: no hop, no look-up of executors.
    let run: nonisolated(nonsending) @Sendable (ServerCall) async -> Void

    private let usualAnswerBytes = Atomic<Int>(0)

    init(path: String, shape: Shape, run: nonisolated(nonsending) @escaping @Sendable (ServerCall) async -> Void) {
        self.path = path
        self.shape = shape
        self.pathBytes = Array(path.utf8)
        self.run = run
    }

    /// What the next answer will probably take: the largest of the recent ones.
    var expectedAnswerBytes: Int { usualAnswerBytes.load(ordering: .relaxed) }

    /// Remembers an answer's size; a smaller one pulls the expectation down slowly.
    func learn(answerBytes: Int) {
        let expected = usualAnswerBytes.load(ordering: .relaxed)
        if answerBytes == expected { return }
        usualAnswerBytes.store(max(answerBytes, expected - expected / 8), ordering: .relaxed)
    }
}
