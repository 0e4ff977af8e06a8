import CSIHost
import CSITestKit
import Synchronization
import Testing

@Suite("Clocks")
struct ClockTests {
    @Test func `the machine's clock goes on`() async throws {
        let clock = LinuxHost().clock
        let start = clock.now
        try await clock.sleep(for: .milliseconds(5))
        #expect(clock.now - start >= .milliseconds(5))
        #expect(clock.wallTime > WallTime(seconds: 1_700_000_000))
        #expect((0..<1_000_000_000).contains(clock.wallTime.nanoseconds))
    }

    @Test(arguments: HostKind.allCases)
    func `a cancelled sleep throws`(kind: HostKind) async throws {
        let clock: any HostClock = kind == .fake ? FakeHost().clock : LinuxHost().clock
        let task = Task { try await clock.sleep(for: .seconds(3600)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `pauses grow until a deadline, and never go beyond it`() async {
        let clock = FakeHost().manualClock
        clock.isAutomatic = true
        let start = clock.now
        var backoff = Backoff(
            clock, until: start + .seconds(10), first: .seconds(1), longest: .seconds(4), random: { 0.5 })
        var moments: [Duration] = []
        while await backoff.pause() { moments.append(clock.now - start) }
        #expect(moments == [.milliseconds(750), .milliseconds(2250), .milliseconds(5250), .milliseconds(8250)])
        #expect(clock.now - start == .milliseconds(8250), "the pause that would end too late is not begun")
        var asked = Backoff(clock, until: clock.now + .seconds(10), first: .seconds(1), random: { 0.5 })
        let before = clock.now
        #expect(await asked.pause(atLeast: .seconds(7)))
        #expect(clock.now - before == .milliseconds(7050))
        #expect(await !asked.pause(atLeast: .seconds(7)))
    }

    @Test func `sleepers wake in the order of their times, at their times`() async throws {
        let clock = FakeHost().manualClock
        let start = clock.now
        let woken = Order()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, seconds) in [3, 1, 2].enumerated() {
                group.addTask {
                    try await clock.sleep(for: .seconds(seconds))
                    woken.append(seconds)
                }
                while clock.sleeperCount <= index { await Task.yield() }
            }
            for count in 1...3 {
                clock.advance(by: .seconds(1))
                while woken.numbers.count < count { await Task.yield() }
            }
            try await group.waitForAll()
        }
        #expect(woken.numbers == [1, 2, 3])
        #expect(clock.now - start == .seconds(3))
    }

    @Test func `the date jumps, and the time goes on`() async throws {
        let clock = FakeHost().manualClock
        let start = clock.now
        clock.setWallTime(WallTime(seconds: 5, nanoseconds: 7))
        #expect(clock.now == start)
        clock.advance(by: .milliseconds(1500))
        #expect(clock.wallTime == WallTime(seconds: 6, nanoseconds: 500_000_007))
        #expect(clock.now - start == .milliseconds(1500))
    }

    @Test func `an automatic clock makes nobody wait`() async throws {
        let clock = FakeHost().manualClock
        clock.isAutomatic = true
        let start = clock.now
        try await clock.sleep(for: .seconds(3600))
        #expect(clock.now - start == .seconds(3600))
    }
}

/// Numbers in the order in which tasks came by.
private final class Order: Sendable {
    private let state = Mutex<[Int]>([])

    var numbers: [Int] { state.withLock { $0 } }

    func append(_ number: Int) {
        state.withLock { $0.append(number) }
    }
}
