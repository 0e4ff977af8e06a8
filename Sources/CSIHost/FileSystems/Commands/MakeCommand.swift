package import SystemPackage

/// How mkfs is called.
package enum MakeCommand {
    /// The command for a device.
    package static func program(_ kind: FileSystemKind, _ device: FilePath, _ options: MakeOptions) -> Program {
        var arguments = ["-q"]
        if let label = options.label { arguments += ["-L", label] }
        var words = options.arguments
        let sector = options.setsBlockSize ? nil : options.sectorSize?.rawValue
        switch kind {
        case .ext3, .ext4:
            // The smallest block that mke2fs chooses has 1024 bytes.
            if let sector, sector > 1024 { arguments += ["-b", String(sector)] }
            if let uuid = options.uuid { arguments += ["-U", uuid] }
            if !options.discardsFirst {
                // One list, of which the user's part comes last and wins: mke2fs forgets all but the last -E.
                if let place = words.firstIndex(of: "-E") {
                    words[place + 1] = "nodiscard,\(words[place + 1])"
                } else {
                    words += ["-E", "nodiscard"]
                }
            }
        case .xfs:
            if let sector { arguments += ["-s", "size=\(sector)"] }
            if let uuid = options.uuid { arguments += ["-m", "uuid=\(uuid)"] }
            if !options.discardsFirst, !words.contains("-K") { words.append("-K") }
        case .btrfs:
            if let uuid = options.uuid { arguments += ["-U", uuid] }
            if !options.discardsFirst, !words.contains("-K"), !words.contains("--nodiscard") { words.append("-K") }
        }
        return Program("mkfs.\(kind)", arguments + words + ["--", device.string])
    }
}
