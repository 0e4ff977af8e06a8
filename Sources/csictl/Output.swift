import FoundationEssentials

/// Prints answers: aligned text for people, JSON for scripts.
enum Output {
    /// One JSON document with sorted keys on standard output.
    static func json(_ value: some Encodable) throws {
        print(try text(value))
    }

    /// One JSON document with sorted keys.
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// One item per line.
    static func lines(_ items: [String]) {
        for item in items { print(printable(item)) }
    }

    /// `name: value` lines with aligned values.
    static func pairs(_ pairs: [(name: String, value: String)]) {
        let width = pairs.map(\.name.count).max() ?? 0
        for (name, value) in pairs {
            print(name + ":" + String(repeating: " ", count: width - name.count + 1) + printable(value))
        }
    }

    /// A header and rows in aligned columns.
    static func table(_ header: [String], _ rows: [[String]]) {
        let cells = [header] + rows.map { $0.map(printable) }
        let widths = header.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        for row in cells {
            let line = row.enumerated().map { column, text in
                column == row.count - 1 ? text : text + String(repeating: " ", count: widths[column] - text.count)
            }
            print(line.joined(separator: "  "))
        }
    }

    /// What a driver sends must not move the cursor.
    static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) else {
            return text.isEmpty ? "-" : text
        }
        return text.unicodeScalars.map { scalar in
            scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }.joined()
    }
}
