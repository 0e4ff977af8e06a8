import CLinux
import CSILock
import Glibc
import SystemPackage

extension LinuxFileSystems {
    func freeze(_ mountPoint: FilePath, atMost limit: Duration) async throws(HostError) -> any FrozenFileSystem {
        AbandonedChildren.collect()
        let site = CallSite(.freeze, at: mountPoint)
        let mounted = try MountedFileSystem(mountPoint, .freeze)
        guard !mounted.entry.isReadOnly else {
            throw site.failure(.readOnlyFileSystem, detail: "what cannot be written to needs no freeze")
        }
        let watchdog = try FreezeWatchdog(mounted.directory, at: mountPoint, atMost: limit, site)
        return LinuxFrozenFileSystem(watchdog, at: mountPoint)
    }

    func thaw(_ mountPoint: FilePath) async throws(HostError) -> Bool {
        let mounted = try MountedFileSystem(mountPoint, .thaw)
        let raw = mounted.directory.raw
        let site = CallSite(.thaw, at: mountPoint)
        switch site.result({ clinux_thaw(raw) }) {
        case .success: return true
        // It is not frozen, or it is of a kind that cannot be.
        case .failure(.invalidArgument), .failure(.notSupported): return false
        case .failure(let errno): throw site.failure(errno)
        }
    }
}

/// A file system that a child process holds frozen.
final class LinuxFrozenFileSystem: FrozenFileSystem {
    private let mountPoint: FilePath
    /// Nil once it was told to thaw: what the watchdog has open would keep the file system busy.
    private let watchdog: Guarded<FreezeWatchdog?>

    init(_ watchdog: FreezeWatchdog, at mountPoint: FilePath) {
        self.mountPoint = mountPoint
        self.watchdog = Guarded(watchdog)
    }

    func thaw() async throws(HostError) {
        let watchdog = watchdog.withLock { (watchdog) in
            defer { watchdog = nil }
            return watchdog
        }
        guard let watchdog else {
            throw HostError(.thaw, at: mountPoint, kind: .invalidArgument, detail: "it was thawed before")
        }
        try watchdog.thaw()
    }
}

/// The child process that froze a file system and thaws it whatever happens to this process.
final class FreezeWatchdog: Sendable {
    /// How long writing what is dirty may take, while writers go on.
    private static let syncLimit = Duration.seconds(120)

    private let site: CallSite
    private let directory: OwnedDescriptor
    /// This end is nobody else's: when it closes, the child thaws.
    private let channel: OwnedDescriptor
    private let child: OwnedDescriptor
    private let wasThawed = Guarded(false)

    /// Freezes the file system of a directory; it is not frozen when this fails.
    init(
        _ mounted: borrowing OwnedDescriptor, at mountPoint: FilePath, atMost limit: Duration, _ freezing: CallSite
    ) throws(HostError) {
        let rawMounted = mounted.raw
        let number = try freezing.status(of: mounted)
        let work = AbandonedWork("freeze", of: DeviceNumber(major: number.stx_dev_major, minor: number.stx_dev_minor))
        guard !AbandonedChildren.isBusy(with: work) else {
            throw freezing.failure(kind: .timedOut, detail: "an earlier call still waits for its device")
        }
        let directory = OwnedDescriptor(
            adopting: CInt(truncatingIfNeeded: try freezing.check { clinux_duplicate(rawMounted) }))
        var ends: [CInt] = [-1, -1]
        try freezing.check { clinux_socket_pair(&ends) }
        let channel = OwnedDescriptor(adopting: ends[0])
        let far = OwnedDescriptor(adopting: ends[1])
        let (rawDirectory, rawFar) = (directory.raw, far.raw)
        let milliseconds = limit.pollMilliseconds
        let pidfd = try freezing.check(detail: "no child process could be started to thaw it again") {
            clinux_spawn_freezer(rawDirectory, rawFar, milliseconds)
        }
        let child = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: pidfd))
        // Or the end of the child would never be seen.
        _ = consume far
        // Writers wait for nothing yet.
        switch Self.report(from: channel.raw, within: Self.syncLimit) {
        case .success?: break
        case .failure(let errno)?:
            AbandonedChildren.append(child)
            throw freezing.failure(errno, detail: "what was written to it could not be made durable")
        // It does not freeze, since nobody holds the channel any more.
        case nil:
            AbandonedChildren.append(child, doing: work)
            throw freezing.failure(
                kind: .timedOut,
                detail: "what was written to it could not be made durable within \(Self.syncLimit); it was not frozen")
        }
        switch Self.report(from: channel.raw, within: limit) {
        case .success?: break
        case .failure(let errno)?:
            AbandonedChildren.append(child)
            throw freezing.failure(errno, detail: errno == .resourceBusy ? "somebody has frozen it already" : nil)
        // The child thaws it as soon as the freeze returns, since nobody holds the channel any more.
        case nil:
            AbandonedChildren.append(child, doing: work)
            throw freezing.failure(kind: .timedOut, detail: "it could not be frozen within \(limit)")
        }
        site = CallSite(.thaw, at: mountPoint)
        self.directory = directory
        self.channel = channel
        self.child = child
    }

    deinit {
        // A child that somebody killed thaws nothing.
        let isForgotten = wasThawed.withLock { !$0 }
        if isForgotten, clinux_wait_for_exit(child.raw, 0) > 0 { _ = clinux_thaw(directory.raw) }
        AbandonedChildren.append(copyOf: child.raw)
    }

    /// Thaws the file system.
    ///
    /// - Throws: kind `timedOut` when it was not frozen until now.
    func thaw() throws(HostError) {
        wasThawed.withLock { $0 = true }
        var byte: UInt8 = 1
        _ = clinux_send(channel.raw, &byte, 1)
        let report = Self.report(from: channel.raw, within: .seconds(10))
        // The end of the channel comes when the child has closed the file system, which could be unmounted next.
        if report != nil { _ = Self.report(from: channel.raw, within: .seconds(1)) }
        switch report {
        case .success?: return
        case .failure(.timedOut)?, .failure(.invalidArgument)?: throw tooEarly
        default: try thawWithoutChild()
        }
    }

    /// Does here what the child cannot, which is gone or does not answer.
    private func thawWithoutChild() throws(HostError) {
        switch site.result({ clinux_thaw(directory.raw) }) {
        case .success: return
        case .failure(.invalidArgument): throw tooEarly
        case .failure(let errno): throw site.failure(errno)
        }
    }

    private var tooEarly: HostError {
        site.failure(
            kind: .timedOut, detail: "it thawed before it was told to: what was copied meanwhile may be half written")
    }

    /// Waits for what the child says: the result of its system call; nil when it says nothing.
    private static func report(from channel: CInt, within limit: Duration) -> Result<Void, Errno>? {
        let deadline = ContinuousClock.now + limit
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return nil }
            var waiting = pollfd(fd: channel, events: Int16(POLLIN), revents: 0)
            let ready = clinux_poll(&waiting, 1, left.pollMilliseconds)
            if ready == 0 || ready == -Int(EINTR) { continue }
            var error: CInt = 0
            let size = MemoryLayout<CInt>.size
            guard ready > 0, clinux_read(channel, &error, size) == size else { return nil }
            return error == 0 ? .success(()) : .failure(Errno(rawValue: error))
        }
    }
}
