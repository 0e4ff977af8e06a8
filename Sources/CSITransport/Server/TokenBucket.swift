/// Counts events against a burst and a rate.
struct TokenBucket {
    private let burst: UInt64
    private let perSecond: UInt64
    private var tokens: UInt64
    private var last: UInt64 = 0

    /// A full bucket.
    init(burst: Int, perSecond: Int) {
        self.burst = UInt64(max(1, burst))
        self.perSecond = UInt64(max(1, perSecond))
        tokens = self.burst
    }

    /// Takes one token at `now` (nanoseconds); false when there is none.
    mutating func take(at now: UInt64) -> Bool {
        if tokens == 0 { refill(now) }
        guard tokens > 0 else { return false }
        // The clock of the rate starts with the first event after a rest.
        if tokens == burst { last = now }
        tokens -= 1
        return true
    }

    private mutating func refill(_ now: UInt64) {
        guard now > last else { return }
        let elapsed = min(now - last, 3_600_000_000_000)
        let earned = elapsed / 1_000 * perSecond / 1_000_000
        guard earned > 0 else { return }
        tokens = min(burst, earned)
        last = now
    }
}
