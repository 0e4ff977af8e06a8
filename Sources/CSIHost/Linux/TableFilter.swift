import SystemPackage

/// Finds the lines of a mount table that a selection may ask for, without parsing the others.
struct TableFilter {
    private let paths: [[UInt8]]
    private let devices: [[UInt8]]
    /// Devices, and what is looked for on each.
    private let origins: [(device: [UInt8], root: [UInt8])]
    private let takesBtrfs: Bool
    private let tree: [UInt8]?

    /// Finds the mounts in a tree, and those on the way to it.
    init(tree: FilePath) {
        let bytes = PathBytes(tree).bytes
        paths = [bytes]
        devices = []
        origins = []
        takesBtrfs = false
        self.tree = bytes
    }

    /// - Parameters:
    ///   - selection: what is asked for; of its sources, the way to them alone.
    ///   - origins: what the sources are, once it is known.
    init(_ selection: MountSelection, and origins: [MountOrigin] = []) {
        paths = (selection.paths + selection.sources).map { PathBytes($0).bytes }
        devices = selection.devices.map { Array($0.description.utf8) }
        self.origins = origins.map { (Array($0.device.description.utf8), PathBytes($0.root).bytes) }
        takesBtrfs = !selection.devices.isEmpty
        tree = nil
    }

    /// The lines that may matter, in their order; some may turn out not to.
    func lines(of text: [UInt8]) -> [UInt8] {
        text.withUnsafeBytes { text in
            var kept: [UInt8] = []
            var start = 0
            while start < text.count {
                var end = start
                while end < text.count, text[end] != 0x0a { end += 1 }
                let line = UnsafeRawBufferPointer(rebasing: text[start..<end])
                if matters(line) {
                    kept.append(contentsOf: line)
                    kept.append(0x0a)
                }
                start = end + 1
            }
            return kept
        }
    }

    /// Whether the third field is one of the devices, or with the fourth one of the origins, or the fifth leads to one of the
    /// paths.
    private func matters(_ line: UnsafeRawBufferPointer) -> Bool {
        var field = 0
        var start = 0
        var device = UnsafeRawBufferPointer(start: nil, count: 0)
        while field < 5 {
            var end = start
            var isEscaped = false
            while end < line.count, line[end] != 0x20 {
                if line[end] == 0x5c { isEscaped = true }
                end += 1
            }
            let bytes = UnsafeRawBufferPointer(rebasing: line[start..<end])
            switch field {
            case 2 where devices.contains { $0.elementsEqual(bytes) }: return true
            case 2: device = bytes
            case 3
            where origins.contains { $0.device.elementsEqual(device) && (isEscaped || Self.shows(bytes, $0.root)) }:
                return true
            // Escapes are the parser's to read.
            case 4 where isEscaped || paths.contains { Self.leads(bytes, to: $0) }: return true
            case 4 where isInTree(bytes): return true
            default: break
            }
            guard end < line.count else { return false }
            start = end + 1
            field += 1
        }
        return takesBtrfs && Self.isBtrfs(UnsafeRawBufferPointer(rebasing: line[start...]))
    }

    /// Whether a root is the one that is looked for, removed or not.
    private static func shows(_ root: UnsafeRawBufferPointer, _ wanted: [UInt8]) -> Bool {
        guard root.count >= wanted.count, root.starts(with: wanted) else { return false }
        return root.count == wanted.count || root[wanted.count...].elementsEqual("//deleted".utf8)
    }

    private func isInTree(_ mountPoint: UnsafeRawBufferPointer) -> Bool {
        guard let tree, mountPoint.count > tree.count, mountPoint.starts(with: tree) else { return false }
        return tree.last == 0x2f || mountPoint[tree.count] == 0x2f
    }

    private static func leads(_ mountPoint: UnsafeRawBufferPointer, to path: [UInt8]) -> Bool {
        guard mountPoint.count <= path.count, path.starts(with: mountPoint) else { return false }
        return mountPoint.count == path.count || mountPoint.last == 0x2f || path[mountPoint.count] == 0x2f
    }

    /// Whether the type, which comes after the mark for the end of the optional fields, is btrfs.
    private static func isBtrfs(_ rest: UnsafeRawBufferPointer) -> Bool {
        let mark = Array(" - btrfs ".utf8)
        guard rest.count >= mark.count else { return false }
        return (0...(rest.count - mark.count)).contains { start in
            rest[start] == 0x20 && mark.elementsEqual(rest[start..<(start + mark.count)])
        }
    }
}
