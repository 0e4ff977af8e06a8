public import CSIHost
import CSILock
public import SystemPackage

/// A host in memory: a model of files, mounts and disks that behaves as Linux does, and fails and crashes as told.
///
/// It starts with one empty file system at `/`. It stacks mounts, keeps read-only per mount, refuses to unmount what is
/// busy and to remove what is mounted, fills up, and knows which writes would survive a power failure. It acts as root:
/// modes are kept, never enforced. The suite that checks this library's Linux host checks this model too.
///
/// ```swift
/// let host = FakeHost()
/// host.addDirectory("/pool")
/// host.fail(.unmount, with: .busy, times: 2)
/// let driver = MyDriver(host: host, pool: "/pool")
/// ```
public final class FakeHost: Host {
    /// A hook that runs before each effect; it may suspend, look at the host, change it, or throw to make the effect fail.
    public typealias Hook = @Sendable (HostEffect) async throws(HostError) -> Void

    struct State: Sendable {
        var world = FakeWorld()
        var faults = FakeFaults()
        var effects: [HostEffect] = []
        var hook: Hook?
        var hasCrashed = false
        /// Counts restarts: what a former process held is dead.
        var process = 0
        var companion: (any Sendable)?
    }

    private let state = Guarded(State())
    let hangs = FakeHangs()
    let stuck = FakeStuckWork()

    /// Creates a host with an empty root directory on a file system of 16 GiB and a million inodes.
    public init() {}

    /// The mounts of this host.
    public var mounts: any MountControl { FakeMounts(host: self) }

    /// The files of this host.
    public var files: any FileStore { FakeFiles(host: self) }

    /// The programs of this host.
    public var programs: any Programs { FakePrograms(host: self) }

    /// The file systems of this host's devices.
    public var fileSystems: any FileSystems { FakeFileSystems(host: self) }

    /// The loop devices of this host.
    public var loops: any LoopDevices { FakeLoopDevices(host: self) }

    /// The block devices of this host.
    public var devices: any BlockDevices { FakeBlockDevices(host: self) }

    /// What this host offers to the process, which ``changeMachine(_:)`` takes away.
    public var system: any SystemInspection { FakeSystem(host: self) }

    /// The network file systems of this host: those of the servers that were added to it.
    public var network: any NetworkFileSystems { FakeNetworkFileSystems(host: self) }

    /// The clock of this host, which stands still until ``manualClock`` is moved.
    public var clock: any HostClock { manualClock }

    /// The clock of this host, to be moved by tests.
    public let manualClock = FakeClock()

    // MARK: Faults

    /// Makes an operation fail the next times that it is called.
    ///
    /// - Parameters:
    ///   - operation: the operation.
    ///   - path: only when it is called for this absolute path; nil for any.
    ///   - kind: the kind of the error.
    ///   - times: how often.
    public func fail(
        _ operation: HostOperation, at path: FilePath? = nil, with kind: HostError.Kind, times: Int = 1
    ) {
        state.withLock { $0.faults.add(operation, at: path, kind, times: times) }
    }

    /// Makes the effect with this ``HostEffect/index`` fail.
    public func fail(effect index: Int, with kind: HostError.Kind) {
        state.withLock { $0.faults.add(index: index, kind) }
    }

    /// Takes all faults and a planned crash back.
    public func clearFaults() {
        state.withLock { $0.faults.clear() }
    }

    /// Runs a hook before each effect from now on; nil for none.
    public func beforeEachEffect(_ hook: Hook?) {
        // The old hook goes outside the lock: it may hold the last reference to a tree, which takes the lock to close.
        _ = state.withLock { state in
            defer { state.hook = hook }
            return state.hook
        }
    }

    // MARK: Crashes

    /// Makes the process die in a mutation: that call and all later ones fail with kind `crashed`, and have no effect,
    /// until ``restart(after:)``.
    ///
    /// - Parameters:
    ///   - moment: whether the mutation happens before the process dies.
    ///   - count: how many mutations to let pass first, from now on.
    public func crash(_ moment: CrashMoment, afterMutations count: Int) {
        state.withLock { $0.faults.crash = (count, moment) }
    }

    /// Whether the process has died.
    public var hasCrashed: Bool {
        state.withLock { $0.hasCrashed }
    }

    /// Starts the host for a new process: what the crash takes is gone, and so is what the old process held.
    public func restart(after crash: CrashKind = .process) {
        state.withLock { state in
            switch crash {
            case .process: state.world.loseProcess()
            case .power: state.world.losePower()
            }
            state.hasCrashed = false
            state.process += 1
        }
        // Not before: what the old process does then about its calls must have no effect.
        hangs.remove(nil, at: nil, ending: .crashed)
    }

    // MARK: Record

    /// The effects so far, failed ones included.
    public var effects: [HostEffect] {
        state.withLock { $0.effects }
    }

    /// The effects so far that change something that outlives the process.
    public var mutations: [HostEffect] {
        effects.filter(\.operation.isMutation)
    }

    /// Forgets the effects so far; the next one has index 0.
    public func clearEffects() {
        state.withLock { $0.effects = [] }
    }

    // MARK: Calls

    /// Looks at or changes the state without an effect.
    func inspect<T: Sendable>(_ body: (inout State) throws(HostError) -> T) throws(HostError) -> T {
        try state.withLock { (state) throws(HostError) in
            // Whatever happens can be the end of a device's last user.
            defer { state.world.dropIdleLoops() }
            state.world.endFreezes(at: manualClock.now)
            return try body(&state)
        }
    }

    /// Runs one effect: records it, lets the hook and the faults have their say, and does it, all of it or as far as the
    /// crash lets it.
    ///
    /// - Parameters:
    ///   - call: the operation and its first path.
    ///   - destination: its second path.
    ///   - limit: the deadline of the call, for when it hangs; nil for none.
    ///   - process: the process that holds the handle that is used; nil for the current one.
    ///   - hung: what a call does that has hung until its deadline; nil to fail.
    ///   - interrupted: what an interrupted effect leaves behind.
    ///   - body: the effect.
    func perform<T: Sendable>(
        _ call: FakeCall, to destination: FilePath? = nil, within limit: Duration? = nil, by process: Int? = nil,
        hung: (@Sendable (inout FakeWorld) throws(HostError) -> T)? = nil,
        interrupted: @Sendable (inout FakeWorld) -> Void = { _ in },
        _ body: @Sendable (inout FakeWorld) throws(HostError) -> T
    ) async throws(HostError) -> T {
        let (effect, hook) = try inspect { (state) throws(HostError) -> (HostEffect, Hook?) in
            try Self.requireAlive(state, process, call)
            let effect = HostEffect(
                index: state.effects.count, operation: call.operation, path: call.path, destination: destination)
            state.effects.append(effect)
            return (effect, state.hook)
        }
        if let hook { try await hook(effect) }
        var body = body
        if hangs.hangs(effect) {
            switch await hangs.wait(effect, within: limit, manualClock) {
            case .released: break
            case .crashed: throw call.failure(kind: .crashed)
            case .cancelled: throw call.failure(kind: .cancelled)
            case .timedOut:
                guard let hung else { throw call.failure(kind: .timedOut, detail: "it hung until its deadline") }
                body = hung
            }
        }
        return try inspect { (state) throws(HostError) -> T in
            try Self.requireAlive(state, process, call)
            if let kind = state.faults.take(for: effect) {
                throw call.failure(kind: kind, detail: "the test asked for this failure")
            }
            guard let moment = state.faults.takeCrash(for: effect) else { return try body(&state.world) }
            state.hasCrashed = true
            switch moment {
            case .before: break
            case .during: interrupted(&state.world)
            case .after: _ = try? body(&state.world)
            }
            throw call.failure(kind: .crashed)
        }
    }

    // MARK: Elsewhere

    /// Runs an effect of the driver's own on something outside the machine, such as a call of an API, as one of this host's
    /// effects: it is recorded, it fails and crashes as told, and the explorers try their moments on it.
    ///
    /// A test puts it around the door that its driver goes through:
    ///
    /// ```swift
    /// try await host.effect("POST /v2/volumes", changing: true) { try await client.send(request) }
    /// ```
    ///
    /// In the moment `during` the effect happens and its answer is lost, as in `after`.
    /// - Parameters:
    ///   - name: What is done, for the record and for ``fail(_:at:with:times:)``, whose operation is
    ///     `changeElsewhere` or `askElsewhere`.
    ///   - isChange: Whether something changes that outlives the process.
    ///   - body: The effect.
    /// - Throws: What `body` throws, and `HostError` when the effect fails or the process is dead.
    public func effect<T>(_ name: String, changing isChange: Bool, _ body: () async throws -> T) async throws -> T {
        let call = FakeCall(operation: isChange ? .changeElsewhere : .askElsewhere, path: FilePath(name))
        let (effect, hook, process) = try inspect { (state) throws(HostError) -> (HostEffect, Hook?, Int) in
            try Self.requireAlive(state, nil, call)
            let effect = HostEffect(
                index: state.effects.count, operation: call.operation, path: call.path, destination: nil)
            state.effects.append(effect)
            return (effect, state.hook, state.process)
        }
        if let hook { try await hook(effect) }
        let moment = try inspect { (state) throws(HostError) -> CrashMoment? in
            try Self.requireAlive(state, process, call)
            if let kind = state.faults.take(for: effect) {
                throw call.failure(kind: kind, detail: "the test asked for this failure")
            }
            guard let moment = state.faults.takeCrash(for: effect) else { return nil }
            // A process that dies before the effect does nothing more from here on.
            if moment == .before { state.hasCrashed = true }
            return moment
        }
        guard moment != .before else { throw call.failure(kind: .crashed) }
        let outcome: Result<T, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        if moment != nil {
            try inspect { (state) throws(HostError) in
                state.hasCrashed = true
                throw call.failure(kind: .crashed)
            }
        }
        // Another effect may have ended the process meanwhile; it then hears nothing any more.
        try inspect { (state) throws(HostError) in try Self.requireAlive(state, process, call) }
        return try outcome.get()
    }

    /// What a test keeps with the host, such as the fake of the cloud whose disks it shows.
    ///
    /// A ``CrashExplorer``'s factories are given the host only, and find the rest here.
    public var companion: (any Sendable)? {
        get { state.withLock { $0.companion } }
        set { state.withLock { $0.companion = newValue } }
    }

    private static func requireAlive(_ state: State, _ process: Int?, _ call: FakeCall) throws(HostError) {
        guard !state.hasCrashed, process == nil || process == state.process else {
            throw call.failure(kind: .crashed)
        }
    }
}
