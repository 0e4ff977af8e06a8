import CLinux
import Glibc
import SystemPackage

extension LinuxMounts {
    /// The largest stack of mounts to take off one mount point.
    private static let tallestStack = 128

    /// How long to wait for a detached unmount, which has nothing to wait for, and for a killed child to go.
    private static let patience = Duration.seconds(2)

    func unmount(_ target: FilePath, policy: UnmountPolicy) async throws(HostError) -> UnmountOutcome {
        let target = try PathRule.absoluteBelowRoot(target, .unmount)
        let site = CallSite(.unmount, at: target)
        guard let name = target.lastComponent else { return UnmountOutcome(removed: 0, detached: false) }
        let deadline = ContinuousClock.now + policy.deadline
        var outcome = UnmountOutcome(removed: 0, detached: false)
        var pause = 5
        var steps = 0

        // What is mounted there may be dead, so nothing that could ask it is looked up.
        while let top = try selected.read(MountSelection(paths: [target]), mayWait: false).topmost(at: target) {
            guard outcome.removed < Self.tallestStack, steps < 100_000 else {
                throw site.failure(kind: .busy, detail: "mounts keep appearing there")
            }
            steps += 1
            let parent = try Resolution.absolute.openParent(of: target, CLINUX_O_PATH | CLINUX_O_DIRECTORY, for: site)
            let left = ContinuousClock.now.duration(to: deadline)
            switch try Self.unmount(top, name, in: parent, flags: 0, within: left, site) {
            case .ended(nil):
                outcome.removed += 1
            case .ended(.invalidArgument), .ended(.noSuchFileOrDirectory):
                // Somebody else was faster, or the parent is not the one in the table: the next look decides.
                try wait(&pause, until: deadline, site)
            case .ended(.resourceBusy) where ContinuousClock.now < deadline:
                try? wait(&pause, until: deadline, site)
            case .ended(.resourceBusy):
                guard policy.whenBusy == .detach else { throw site.failure(.resourceBusy, detail: Self.busy(top)) }
                try detach(top, name, parent, policy, &outcome, site)
            case .ended(let errno?):
                throw site.failure(errno)
            case .hung:
                guard policy.whenHung == .detach else {
                    throw site.failure(kind: .timedOut, detail: "unmounting did not return within \(policy.deadline)")
                }
                try detach(top, name, parent, policy, &outcome, site)
            }
        }
        if outcome.removed == 0 { try refuseLinks(to: target, site) }
        return outcome
    }

    /// Unmounts a name in a directory, where a mount is, in a child process.
    private static func unmount(
        _ mount: MountEntry, _ name: FilePath.Component, in directory: borrowing OwnedDescriptor, flags: CInt,
        within limit: Duration, _ site: CallSite
    ) throws(HostError) -> SystemCallChild.Ending {
        let raw = directory.raw
        let work = AbandonedWork(unmounting: mount, flags: flags)
        return try SystemCallChild.run(work, within: limit, site) { child in
            name.withPlatformString { clinux_start_umount(raw, $0, flags, &child) }
        }
    }

    private static func busy(_ mount: MountEntry) -> String {
        "processes, or mounts below it, still use the \(mount.filesystemType) mounted there: see fuser -vm"
    }

    /// Takes a mount out of the namespace, whoever uses it.
    private func detach(
        _ mount: MountEntry, _ name: FilePath.Component, _ parent: borrowing OwnedDescriptor,
        _ policy: UnmountPolicy, _ outcome: inout UnmountOutcome, _ site: CallSite
    ) throws(HostError) {
        if policy.forces {
            _ = try Self.unmount(
                mount, name, in: parent, flags: CInt(MNT_FORCE), within: Self.patience, site)
            guard try isInTable(mount) else {
                outcome.removed += 1
                return
            }
        }
        let ended = try Self.unmount(
            mount, name, in: parent, flags: CInt(MNT_DETACH), within: Self.patience, site)
        if case .ended(let errno?) = ended, errno != .invalidArgument, errno != .noSuchFileOrDirectory {
            throw site.failure(errno, detail: "detaching it lazily failed too")
        }
        // The namespace forgets the mount before the file system is shut down, which is what may hang.
        guard try !isInTable(mount) else {
            throw site.failure(kind: .timedOut, detail: "even detaching it lazily did not return")
        }
        outcome.removed += 1
        outcome.detached = true
    }

    private func isInTable(_ mount: MountEntry) throws(HostError) -> Bool {
        try MountTableReader.current().entries.contains { $0.mountID == mount.mountID }
    }

    /// Sleeps for a moment that doubles each time.
    private func wait(
        _ pause: inout Int, until deadline: ContinuousClock.Instant, _ site: CallSite
    ) throws(HostError) {
        guard ContinuousClock.now < deadline else {
            throw site.failure(kind: .timedOut, detail: "the mount is in the table and cannot be found")
        }
        _ = clinux_sleep_milliseconds(CInt(truncatingIfNeeded: pause))
        pause = min(pause * 2, 200)
    }

    /// Refuses a path with links in it: the mount it means would be in the table under another path.
    private func refuseLinks(to target: FilePath, _ site: CallSite) throws(HostError) {
        do throws(HostError) {
            _ = try Resolution.absolute.openParent(of: target, CLINUX_O_PATH, for: site)
        } catch  where error.kind == .symbolicLink {
            throw error
        } catch {
            // No such directory, so no mount either.
        }
    }
}
