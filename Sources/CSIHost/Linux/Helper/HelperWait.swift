/// Waiting for the answer of a helper: what has come of it, and whether the helper still gets on.
struct HelperWait {
    /// How long it may make no progress.
    let patience: Duration

    private var received: [UInt8] = []
    private var lastProgress: ContinuousClock.Instant
    private var lastLook: ContinuousClock.Instant
    /// As of the last look; nil before the first.
    private var contextSwitches: Int64?

    /// When to look at the helper next.
    private(set) var nextLook: ContinuousClock.Instant

    init(patience: Duration, since now: ContinuousClock.Instant = .now) {
        self.patience = patience
        (lastProgress, lastLook, nextLook) = (now, now, now)
    }

    /// Takes in what the helper has sent: beats, each of which is progress, and the answer.
    ///
    /// - Returns: nil while the answer is not complete.
    mutating func receive(
        _ bytes: some Collection<UInt8>, at now: ContinuousClock.Instant
    ) -> HelperWatcher.Ending? {
        received.append(contentsOf: bytes)
        while received.count >= 4 {
            let length = received[0..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
            guard length > 0 else {
                received.removeFirst(4)
                lastProgress = now
                continue
            }
            guard length <= HelperFrame.limit else { return .gone }
            return received.count >= 4 + length ? .answer(Array(received[4..<4 + length])) : nil
        }
        return nil
    }

    /// Takes note of how often the helper has gone to sleep and woken by now.
    ///
    /// A single call that takes long, such as the sync of a large file, makes progress as well: its thread wakes for the
    /// server's answers. While it waits for a server that is gone it wakes about once in two seconds, to connect again, and
    /// that is none.
    mutating func look(_ switches: Int64, at now: ContinuousClock.Instant) {
        let enough = 2 + 3 * (lastLook.duration(to: now) / .seconds(1))
        if let contextSwitches, Double(switches &- contextSwitches) > enough { lastProgress = now }
        (contextSwitches, lastLook) = (switches, now)
        nextLook = now + max(.milliseconds(100), patience / 8)
    }

    /// Whether there was no progress for too long.
    func isOver(at now: ContinuousClock.Instant) -> Bool { lastProgress.duration(to: now) >= patience }
}
