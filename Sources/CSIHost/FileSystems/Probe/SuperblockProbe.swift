/// Recognises what is on a device by its superblocks.
///
/// It reads bytes and nothing else, and takes them to be hostile: no number of theirs is used before it is checked.
package enum SuperblockProbe {
    /// What one format makes of a device.
    enum Finding: Sendable, Hashable {
        /// It is this.
        case content(DeviceContent)
        /// It has the signature of this format, and is not whole: why.
        case damaged(type: String, String)

        var type: String {
            switch self {
            case .content(let content): content.type
            case .damaged(let type, _): type
            }
        }
    }

    private static let formats: [@Sendable (DeviceImage) -> Finding?] = [
        extended, xfs, btrfs, f2fs, swap, luks, lvm, raid, zfs, partitionTable, bootSector,
    ]

    /// Looks at a device.
    package static func examine(_ image: DeviceImage) -> ProbeResult {
        guard image.size > 0 else { return .ambiguous("the device has no size") }
        guard !image.isZero else { return .blank }
        var findings = formats.compactMap { $0(image) }
        let known = Set(findings.map(\.type))
        findings += SimpleSignature.all.filter { $0.matches(image) && !known.contains($0.type) }.map {
            .content(DeviceContent(type: $0.type))
        }
        guard let first = findings.first else {
            guard let place = image.firstUsedByte else { return .blank }
            return .ambiguous("there are bytes at offset \(place), of no format that is known")
        }
        guard findings.count == 1 else {
            return .ambiguous("it has signatures of \(findings.map(\.type).joined(separator: " and "))")
        }
        switch first {
        case .content(let content):
            if let count = content.byteCount, count > image.size {
                return .ambiguous("a \(content.type) of \(count) bytes on a device of \(image.size) bytes")
            }
            return .content(content)
        case .damaged(let type, let reason): return .ambiguous("a damaged \(type): \(reason)")
        }
    }

    /// What the superblock of a file system says; nil where it is not whole, or none of this kind.
    ///
    /// No other format is looked for: parts of a device that one has for its signatures belong to the users of another.
    package static func content(of kind: FileSystemKind, in image: DeviceImage) -> DeviceContent? {
        let finding =
            switch kind {
            case .ext3, .ext4: extended(image)
            case .xfs: xfs(image)
            case .btrfs: btrfs(image)
            }
        guard case .content(let content) = finding, content.fileSystem == kind else { return nil }
        guard (content.byteCount ?? 0) <= image.size else { return nil }
        return content
    }

    /// The product of two numbers from a disk as a size; nil when it does not fit.
    static func size(_ count: UInt64, of unit: UInt64) -> Int64? {
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow ? nil : Int64(exactly: product)
    }
}
