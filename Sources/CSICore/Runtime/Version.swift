/// The version of this library and of the programs built from it.
public enum SwiftCSIVersion {
    /// Semantic version, for example `0.1.0`.
    public static let current = "0.1.0"
}
