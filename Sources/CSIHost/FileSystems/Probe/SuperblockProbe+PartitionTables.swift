extension SuperblockProbe {
    /// The partition tables of a disk: GPT with its backup at the end, or MBR.
    static func partitionTable(_ image: DeviceImage) -> Finding? {
        for sector: Int64 in [512, 4096] {
            let block = image.bytes(at: sector, count: 92)
            if block.has("EFI PART", at: 0) {
                return .content(DeviceContent(type: "gpt", uuid: block.guid(56)))
            }
            if image.bytes(at: image.size - sector, count: 8).has("EFI PART", at: 0) {
                return .damaged(type: "gpt", "only the backup at the end of the device is there")
            }
        }
        return masterBootRecord(image)
    }

    /// A master boot record, told from a file system that boots and from anything else that ends its sector alike.
    private static func masterBootRecord(_ image: DeviceImage) -> Finding? {
        let block = image.bytes(at: 0, count: 512)
        guard block.little16(510) == 0xaa55, bootSectorType(image) == nil else { return nil }
        let entries = (0..<4).map { 446 + 16 * $0 }
        guard entries.allSatisfy({ block[$0] == 0 || block[$0] == 0x80 }) else { return nil }
        let identifier = block.little32(440)
        return .content(
            DeviceContent(type: "dos", uuid: identifier == 0 ? nil : String(identifier, radix: 16)))
    }
}
