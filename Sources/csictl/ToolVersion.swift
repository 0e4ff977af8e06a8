/// The version that `csictl --version` prints; the same as the library's.
enum ToolVersion {
    static let current = "0.1.0"
}
