import CSILock

/// Which mounts show a device, without asking about every mount each time.
///
/// Two facts are kept, and both are fixed for as long as a mount exists: the number that the kernel never uses again, and the
/// device of its file system. Which mounts exist, where and with which options, is asked anew each time.
final class MountDevices: Sendable {
    private struct Known {
        var ids: [UInt64] = []
        var devices: [Shown] = []
    }

    private struct Shown {
        let number: DeviceNumber
        let isBtrfs: Bool
    }

    private let known = Guarded(Known())

    /// The mounts of the file systems on some devices.
    /// - Returns: The number of each, and whether it is selected as it is; otherwise by what it shows.
    func mounts(
        _ selection: (DeviceNumber, _ isBtrfs: Bool) -> Selected
    ) throws(StatMount.Unavailable) -> [(id: UInt64, isCertain: Bool)] {
        let now = try refreshed()
        var found: [(id: UInt64, isCertain: Bool)] = []
        for (id, shown) in zip(now.ids, now.devices) {
            switch selection(shown.number, shown.isBtrfs) {
            case .no: break
            case .byRoot: found.append((id, false))
            case .yes: found.append((id, true))
            }
        }
        return found
    }

    /// Whether the mounts of a device are asked for.
    enum Selected {
        case no
        /// Those that show what is asked for.
        case byRoot
        case yes
    }

    private func refreshed() throws(StatMount.Unavailable) -> Known {
        try known.withLock { (known) throws(StatMount.Unavailable) in
            let listed = try StatMount.all(expected: known.ids.count)
            guard listed != known.ids else { return known }
            var next = Known()
            next.ids.reserveCapacity(listed.count)
            next.devices.reserveCapacity(listed.count)
            var place = 0
            for id in listed {
                // Both are in ascending order.
                while place < known.ids.count, known.ids[place] < id { place += 1 }
                if place < known.ids.count, known.ids[place] == id {
                    next.ids.append(id)
                    next.devices.append(known.devices[place])
                } else if let device = try StatMount.device(of: id) {
                    next.ids.append(id)
                    next.devices.append(Shown(number: device.number, isBtrfs: device.isBtrfs))
                }
            }
            known = next
            return next
        }
    }
}
