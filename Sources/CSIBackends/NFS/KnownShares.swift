import CSICore
import CSIHost
import CSILock

/// The shares that this process knows of: those that it was told of and those that it has used.
final class KnownShares: Sendable {
    struct Entry: Sendable, Hashable {
        let location: NFSLocation
        let options: NFSMountOptions

        init(_ location: NFSLocation, _ options: NFSMountOptions) {
            self.location = location
            self.options = options
        }
    }

    private struct State {
        var entries: [NFSLocation: NFSMountOptions] = [:]
        /// Those whose leftovers of an earlier process have been removed.
        var swept: Set<NFSLocation> = []
        /// The removal of what interrupted writes have left, which everybody waits for who writes.
        var tidied: [NFSLocation: Task<Void, Never>] = [:]
    }

    private let state: Guarded<State>

    init(_ entries: [Entry]) {
        var known = State()
        for entry in entries { known.entries[entry.location] = entry.options }
        state = Guarded(known)
    }

    /// The shares, ordered by their names.
    var all: [Entry] {
        state.withLock { state in
            state.entries.map { Entry($0.key, $0.value) }.sorted { $0.location.description < $1.location.description }
        }
    }

    func options(of location: NFSLocation) -> NFSMountOptions? { state.withLock { $0.entries[location] } }

    func insert(_ entry: Entry) { state.withLock { $0.entries[entry.location] = entry.options } }

    /// Whether nobody has begun to sweep the share; from now on somebody has.
    func beginSweep(of location: NFSLocation) -> Bool { state.withLock { $0.swept.insert(location).inserted } }

    /// Waits until the share has been tidied once in this process.
    func tidy(_ location: NFSLocation, _ work: @escaping @Sendable () async -> Void) async {
        let task = state.withLock { state in
            if let task = state.tidied[location] { return task }
            let task = Task { await work() }
            state.tidied[location] = task
            return task
        }
        await task.value
    }

    func sweepFailed(of location: NFSLocation) { state.withLock { _ = $0.swept.remove(location) } }
}

/// The directories that something is done to, so that two volumes with one directory do not meet.
///
/// The framework keeps apart what has one name or one id; here different names can mean one directory.
final class BusyPlaces: Sendable {
    private struct State {
        var alone: Set<String> = []
        var shared: [String: Int] = [:]
    }

    private let state = Guarded(State())

    /// Takes a directory for oneself.
    /// - Throws: ABORTED while somebody else has it.
    func take(_ location: NFSLocation) throws(CSIError) -> BusyPlace {
        let place = location.description
        let isFree = state.withLock { state in
            state.shared[place] == nil && state.alone.insert(place).inserted
        }
        guard isFree else { throw Self.pending(place) }
        return BusyPlace { [self] in state.withLock { _ = $0.alone.remove(place) } }
    }

    /// Keeps a directory from being changed by the driver.
    /// - Throws: ABORTED while somebody has it for himself.
    func share(_ location: NFSLocation) throws(CSIError) -> BusyPlace {
        let place = location.description
        let isFree = state.withLock { state in
            guard !state.alone.contains(place) else { return false }
            state.shared[place, default: 0] += 1
            return true
        }
        guard isFree else { throw Self.pending(place) }
        return BusyPlace { [self] in
            state.withLock { state in
                let left = state.shared[place, default: 1] - 1
                state.shared[place] = left > 0 ? left : nil
            }
        }
    }

    private static func pending(_ place: String) -> CSIError {
        .pendingElsewhere("another operation works on \(place); retry when it has ended")
    }
}

/// A directory that is taken until this is released, at the latest when the last reference goes.
///
/// Release it before anybody is told that the work has ended: who hears of it may ask for the directory at once.
final class BusyPlace: Sendable {
    private let held: Guarded<(@Sendable () -> Void)?>

    init(_ release: @escaping @Sendable () -> Void) {
        held = Guarded(release)
    }

    deinit { release() }

    /// Gives the directory back; a second call does nothing.
    func release() {
        let release = held.withLock { held in
            defer { held = nil }
            return held
        }
        release?()
    }
}
