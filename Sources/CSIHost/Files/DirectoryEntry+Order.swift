package import SystemPackage

extension Array where Element == DirectoryEntry {
    /// The entries by the bytes of their names, whatever the locale.
    package func sortedByName() -> [DirectoryEntry] {
        map { (entry: $0, key: $0.name.bytes) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map(\.entry)
    }
}

extension FilePath.Component {
    /// The bytes of the name, without its end.
    package var bytes: [UInt8] {
        withPlatformString { text in
            var bytes: [UInt8] = []
            var next = text
            while next.pointee != 0 {
                bytes.append(UInt8(bitPattern: next.pointee))
                next += 1
            }
            return bytes
        }
    }
}
