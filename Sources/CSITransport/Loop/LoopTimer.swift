/// One entry of an event loop's timer heap.
final class LoopTimer {
    /// When it fires, in nanoseconds of the monotonic clock.
    fileprivate(set) var deadline: UInt64 = 0

    fileprivate var position = -1
    fileprivate let action: () -> Void

    /// A timer that calls `action` on the loop's thread each time that it fires.
    init(_ action: @escaping () -> Void) {
        self.action = action
    }

    /// Whether it is waiting to fire.
    var isArmed: Bool { position >= 0 }
}

/// A binary heap of timers, each of which knows its place, so that disarming one needs no search.
struct TimerHeap {
    private var timers: [LoopTimer] = []

    /// When the first timer fires.
    var next: UInt64? { timers.first?.deadline }

    /// Whether no timer waits.
    var isEmpty: Bool { timers.isEmpty }

    /// Sets `timer` to fire at `deadline`, whether or not it was armed.
    mutating func arm(_ timer: LoopTimer, at deadline: UInt64) {
        disarm(timer)
        timer.deadline = deadline
        timer.position = timers.count
        timers.append(timer)
        siftUp(timer.position)
    }

    /// Takes `timer` out; nothing happens if it is not armed.
    mutating func disarm(_ timer: LoopTimer) {
        let position = timer.position
        guard position >= 0 else { return }
        let last = timers.count - 1
        if position != last { swap(position, last) }
        timers.removeLast()
        timer.position = -1
        if position < timers.count {
            siftDown(position)
            siftUp(position)
        }
    }

    /// Takes out and answers one timer that is due at `now`.
    mutating func popDue(_ now: UInt64) -> LoopTimer? {
        guard let first = timers.first, first.deadline <= now else { return nil }
        disarm(first)
        return first
    }

    /// Fires one timer.
    static func fire(_ timer: LoopTimer) {
        timer.action()
    }

    /// Takes out every timer.
    mutating func removeAll() {
        for timer in timers { timer.position = -1 }
        timers.removeAll()
    }

    private mutating func swap(_ first: Int, _ second: Int) {
        timers.swapAt(first, second)
        timers[first].position = first
        timers[second].position = second
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard timers[child].deadline < timers[parent].deadline else { return }
            swap(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var smallest = parent
            for child in parent * 2 + 1...parent * 2 + 2
            where child < timers.count && timers[child].deadline < timers[smallest].deadline {
                smallest = child
            }
            if smallest == parent { return }
            swap(parent, smallest)
            parent = smallest
        }
    }
}
