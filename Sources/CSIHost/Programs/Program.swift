/// A program to run and its arguments.
///
/// The name is looked up in a fixed list of system directories (``searchPath``), never through the caller's `PATH`, and the
/// arguments reach the program as they are: there is no shell in between. Never put a secret into an argument, which
/// everybody on the machine can read in `/proc`.
public struct Program: Sendable, Hashable, CustomStringConvertible {
    /// The name of the program, for example `mkfs.ext4`: one file name, without a slash.
    public var name: String

    /// The arguments, without the name.
    public var arguments: [String]

    /// Creates a program.
    public init(_ name: String, _ arguments: [String] = []) {
        self.name = name
        self.arguments = arguments
    }

    /// Where programs are looked for, in this order.
    public static let searchPath = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    /// The name and the arguments in one line, with quotes where a shell would need them.
    public var description: String {
        ([name] + arguments).map(Self.quoted).joined(separator: " ")
    }

    private static func quoted(_ word: String) -> String {
        let plain =
            !word.isEmpty
            && word.utf8.allSatisfy { (byte) in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-_=+.,:/@%^".utf8.contains(byte)
                }
            }
        return plain ? word : word.debugDescription
    }
}
