import Glibc

/// One line on a terminal that says how far long work has come; silent anywhere else.
struct ProgressBar: Sendable {
    let isVisible: Bool

    /// - Parameter isWanted: Whether the caller wants one at all; it also takes a terminal.
    init(isWanted: Bool = true) {
        isVisible = isWanted && isatty(STDERR_FILENO) == 1
    }

    /// Draws the line anew.
    func show(_ title: String, _ done: Int, of all: Int) {
        guard isVisible, all > 0, done == all || done % max(1, all / 200) == 0 else { return }
        write(Self.line(title, done, of: all, width: 30))
    }

    /// Takes the line away.
    func clear() {
        guard isVisible else { return }
        write("\r\u{1b}[K")
    }

    /// The line: the title, a bar of `width` characters, the share.
    static func line(_ title: String, _ done: Int, of all: Int, width: Int) -> String {
        let share = min(max(Double(done) / Double(max(all, 1)), 0), 1)
        let filled = Int((share * Double(width)).rounded(.down))
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
        return "\r\(title) [\(bar)] \(Int(share * 100))% (\(done) of \(all))\u{1b}[K"
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
