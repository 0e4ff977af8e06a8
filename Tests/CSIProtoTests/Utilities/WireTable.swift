import Glibc
import Testing

/// The rows of `Tests/Fixtures/csi-wire.tsv`: every message, field, enum value and method of CSI 1.12.
struct WireTable {
    /// One row; what a kind does not use is empty.
    struct Row: Hashable, CustomStringConvertible {
        var kind: String
        var scope: String
        var number = ""
        var name = ""
        var type = ""
        var label = ""
        var isSecret = false

        var description: String {
            [kind, scope, number, name, type, label, isSecret ? "secret" : ""].joined(separator: "|")
        }
    }

    let rows: [Row]

    init() throws {
        let path = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let text = try Self.read("/" + path + "/Fixtures/csi-wire.tsv")
        rows = text.split(separator: "\n").dropFirst().map { line in
            var columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            columns += Array(repeating: "", count: max(0, 7 - columns.count))
            return Row(
                kind: columns[0], scope: columns[1], number: columns[2], name: columns[3], type: columns[4],
                label: columns[5], isSecret: columns[6].split(separator: ",").contains("secret"))
        }
    }

    private static func read(_ path: String) throws -> String {
        let file = try #require(fopen(path, "r"), "cannot open \(path)")
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
