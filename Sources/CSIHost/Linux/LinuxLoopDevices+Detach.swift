import CLinux
import SystemPackage

extension LinuxLoopDevices {
    /// How a look at a device ended.
    private enum Look {
        /// It shows no file, or another one.
        case gone
        /// Somebody uses it exclusively: a mount, another device.
        case held
        /// It has been told to go, and does so with its last user.
        case leaving
        /// The device itself is in between.
        case unsettled
    }

    func detach(_ device: LoopDevice, within duration: Duration) async throws(HostError) -> Bool {
        let deadline = ContinuousClock.now + max(.zero, duration)
        var isOurs = false
        var pause: CInt = 0
        while true {
            let look = try isOurs ? self.look(at: device) : clear(device)
            if case .leaving = look { isOurs = true }
            if case .gone = look {
                if isOurs { renew(device) }
                return isOurs
            }
            guard ContinuousClock.now < deadline else { break }
            if Task.isCancelled { throw HostError(.detachLoop, at: device.path, kind: .cancelled) }
            if pause > 0 { _ = clinux_sleep_milliseconds(pause) }
            pause = min(50, pause + pause / 2 + 1)
        }
        // Whoever held it may have gone since the last look.
        if isOurs, case .gone = try look(at: device) { return true }
        throw LoopRule.stillUsed(device, by: try await LinuxBlockDevices().users(of: device.device))
    }

    /// Tells a device to go, if nobody uses it exclusively.
    private func clear(_ device: LoopDevice) throws(HostError) -> Look {
        // Exclusive: while this descriptor is open nobody can mount the device.
        switch try LoopNode.open(device.number, CLINUX_O_EXCLUSIVE_DEVICE, for: .detachLoop) {
        case .opened(let node):
            guard try node.shows(device) else { return .gone }
            let raw = node.descriptor.raw
            switch node.site.result({ clinux_loop_clear(raw) }) {
            case .success: return .leaving
            case .failure(.noSuchAddressOrDevice): return .gone
            case .failure(.resourceBusy): return .held
            case .failure(let errno): throw node.site.failure(errno)
            }
        case .refused(.resourceBusy):
            if case .gone = try look(at: device) { return .gone }
            return .held
        case .refused(let errno): return try refusal(errno, device)
        }
    }

    /// Looks whether a device still shows the file.
    private func look(at device: LoopDevice) throws(HostError) -> Look {
        switch try LoopNode.open(device.number, CLINUX_O_READ, for: .detachLoop) {
        case .opened(let node): try node.shows(device) ? .leaving : .gone
        case .refused(let errno): try refusal(errno, device)
        }
    }

    private func refusal(_ errno: Errno, _ device: LoopDevice) throws(HostError) -> Look {
        switch errno {
        case .noSuchFileOrDirectory: return .gone
        // Between being told to go and having gone, it lets nobody in.
        case .noSuchAddressOrDevice: return .unsettled
        default: throw HostError(.detachLoop, at: device.path, errno: errno)
        }
    }
}
