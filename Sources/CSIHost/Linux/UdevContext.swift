import CUdev
import Glibc
import SystemPackage

/// A connection to libudev, for one call on one thread: nothing of it may be shared.
struct UdevContext: ~Copyable {
    let raw: OpaquePointer

    init(_ site: CallSite) throws(HostError) {
        guard let raw = udev_new() else { throw site.failure(.noMemory, detail: "libudev cannot be used") }
        self.raw = raw
    }

    deinit {
        udev_unref(raw)
    }

    /// The block device with a number; nil when there is none.
    func device(_ number: DeviceNumber) -> BlockDevice? {
        let number = gnu_dev_makedev(number.major, number.minor)
        guard let device = udev_device_new_from_devnum(raw, CChar(bitPattern: UInt8(ascii: "b")), number) else {
            return nil
        }
        defer { udev_device_unref(device) }
        return BlockDevice(UdevDevice(raw: device))
    }

    /// All block devices that have a medium, in no order.
    func devices(_ site: CallSite) throws(HostError) -> [BlockDevice] {
        guard let enumeration = udev_enumerate_new(raw) else { throw site.failure(.noMemory) }
        defer { udev_enumerate_unref(enumeration) }
        guard udev_enumerate_add_match_subsystem(enumeration, "block") >= 0 else { throw site.failure(.noMemory) }
        let status = udev_enumerate_scan_devices(enumeration)
        guard status >= 0 else { throw site.failure(Errno(rawValue: -status), detail: "is /sys mounted?") }
        var found: [BlockDevice] = []
        var entry = udev_enumerate_get_list_entry(enumeration)
        while let current = entry {
            entry = udev_list_entry_get_next(current)
            // It may have gone since.
            guard let path = udev_list_entry_get_name(current),
                let device = udev_device_new_from_syspath(raw, path)
            else { continue }
            defer { udev_device_unref(device) }
            if let device = BlockDevice(UdevDevice(raw: device)) { found.append(device) }
        }
        return found
    }
}

/// A device of libudev's, borrowed.
struct UdevDevice {
    let raw: OpaquePointer

    var name: String? { Self.text(udev_device_get_sysname(raw)) }

    var node: FilePath? { Self.text(udev_device_get_devnode(raw)).map { FilePath($0) } }

    var systemPath: FilePath? { Self.text(udev_device_get_syspath(raw)).map { FilePath($0) } }

    var isPartition: Bool { Self.text(udev_device_get_devtype(raw)) == "partition" }

    var number: DeviceNumber {
        let number = udev_device_get_devnum(raw)
        return DeviceNumber(major: gnu_dev_major(number), minor: gnu_dev_minor(number))
    }

    /// The links that udevd made.
    var links: [FilePath] {
        var links: [FilePath] = []
        var entry = udev_device_get_devlinks_list_entry(raw)
        while let current = entry {
            if let name = Self.text(udev_list_entry_get_name(current)) { links.append(FilePath(name)) }
            entry = udev_list_entry_get_next(current)
        }
        return links.sorted { $0.string < $1.string }
    }

    /// The whole device that a partition is a part of; the device itself otherwise.
    var whole: UdevDevice {
        guard isPartition, let parent = udev_device_get_parent(raw) else { return self }
        return UdevDevice(raw: parent)
    }

    /// A file of the kernel's about the device; nil when it is absent or empty.
    func attribute(_ name: String) -> String? {
        Self.text(udev_device_get_sysattr_value(raw, name))
    }

    func number(_ name: String) -> Int64? {
        attribute(name).flatMap { Int64($0) }
    }

    /// What udevd found out about the device; nil where no udevd runs.
    func property(_ name: String) -> String? {
        Self.text(udev_device_get_property_value(raw, name))
    }

    private static func text(_ text: UnsafePointer<CChar>?) -> String? {
        guard let text else { return nil }
        let string = String(cString: text)
        // Identifiers come with blanks around them that disks fill their fields with.
        let trimmed = string.drop { $0 == " " }
        let end = trimmed.lastIndex { $0 != " " && $0 != "\n" }
        return end.map { String(trimmed[...$0]) }
    }
}

extension BlockDevice {
    /// The device as libudev shows it; nil when it has no node, or is a loop device without a file.
    init?(_ device: UdevDevice) {
        guard let name = device.name, let node = device.node, let place = device.systemPath else { return nil }
        if name.hasPrefix("loop"), device.whole.attribute("loop/backing_file") == nil { return nil }
        let whole = device.whole
        // Always in units of 512 bytes, whatever the sector size.
        let (size, overflow) = (device.number("size") ?? 0).multipliedReportingOverflow(by: 512)
        guard size >= 0, !overflow else { return nil }
        self.init(
            name: name, path: node, number: device.number, links: device.links, size: size,
            logicalSectorSize: Int(whole.number("queue/logical_block_size") ?? 512),
            physicalSectorSize: Int(whole.number("queue/physical_block_size") ?? 512),
            isReadOnly: device.number("ro") == 1, isRemovable: whole.number("removable") == 1,
            isPartition: device.isPartition,
            holders: SystemAttribute.names(in: place.appending("holders")).map(\.string).sorted(),
            serial: device.property("ID_SERIAL_SHORT") ?? whole.attribute("serial") ?? whole.attribute("device/serial"),
            worldWideID: whole.attribute("wwid") ?? whole.attribute("device/wwid") ?? device.property("ID_WWN"),
            sequence: whole.attribute("diskseq").flatMap { UInt64($0) })
    }
}
