import CBlkid
import CLinux
import SystemPackage

/// What libblkid says about a device: the second opinion.
enum BlkidProbe {
    /// Its answer.
    enum Answer: Equatable {
        /// Nothing that it knows.
        case nothing
        /// One format, by its name.
        case type(String)
        /// Several formats at once.
        case several
    }

    /// Asks about an open device or image file.
    ///
    /// - Parameter hasZeroEnds: whether the first and the last MiB are known to be zeroes. All four labels of ZFS lie there, and
    ///   libblkid reads 256 KiB for each of them: as long as it takes for everything else.
    static func examine(
        _ device: borrowing OwnedDescriptor, hasZeroEnds: Bool, _ site: CallSite
    ) throws(HostError) -> Answer {
        guard let probe = blkid_new_probe() else { throw site.failure(.noMemory) }
        defer { blkid_free_probe(probe) }
        guard blkid_probe_set_device(probe, device.raw, 0, 0) == 0 else {
            throw site.failure(kind: .inputOutput, detail: "libblkid cannot read the device")
        }
        blkid_probe_enable_superblocks(probe, 1)
        blkid_probe_set_superblocks_flags(probe, CInt(BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC))
        if hasZeroEnds {
            ProgramChild.withStrings(["zfs_member"]) { (names) in
                var names = names
                _ = blkid_probe_filter_superblocks_type(probe, CInt(BLKID_FLTR_NOTIN), &names)
            }
        }
        blkid_probe_enable_partitions(probe, 1)
        switch blkid_do_safeprobe(probe) {
        case 0:
            guard let type = value("TYPE", probe) ?? value("PTTYPE", probe) else { return .several }
            return .type(type)
        case 1: return .nothing
        case -2: return .several
        default: throw site.failure(kind: .inputOutput, detail: "libblkid failed to probe the device")
        }
    }

    private static func value(_ name: String, _ probe: blkid_probe) -> String? {
        var text: UnsafePointer<CChar>?
        var length = 0
        guard blkid_probe_lookup_value(probe, name, &text, &length) == 0, let text else { return nil }
        return String(cString: text)
    }
}
