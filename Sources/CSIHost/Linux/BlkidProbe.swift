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
    static func examine(_ device: borrowing OwnedDescriptor, _ site: CallSite) throws(HostError) -> Answer {
        guard let probe = blkid_new_probe() else { throw site.failure(.noMemory) }
        defer { blkid_free_probe(probe) }
        guard blkid_probe_set_device(probe, device.raw, 0, 0) == 0 else {
            throw site.failure(kind: .inputOutput, detail: "libblkid cannot read the device")
        }
        blkid_probe_enable_superblocks(probe, 1)
        blkid_probe_set_superblocks_flags(probe, CInt(BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC))
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
