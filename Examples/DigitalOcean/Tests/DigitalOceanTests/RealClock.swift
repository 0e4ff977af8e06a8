import CSIHost

/// The machine's clock, for tests of what really waits.
struct RealClock: HostClock {
    private static let host = LinuxHost()

    var now: Duration { Self.host.clock.now }
    var wallTime: WallTime { Self.host.clock.wallTime }

    func sleep(for duration: Duration) async throws(CancellationError) {
        try await Self.host.clock.sleep(for: duration)
    }
}
