import CBuild

/// The version of this library and of the programs built from it.
public enum SwiftCSIVersion {
    /// Semantic version, for example `0.1.0`: the one place that says it.
    public static let current = "0.1.0"

    /// The commit that a program was released from; nil in any other build.
    ///
    /// `dev/release` writes it into the finished program, so that a commit does not change what is compiled.
    public static let commit: String? = {
        let text = String(cString: csi_build_commit())
        return text.isEmpty ? nil : text
    }()

    /// The version, and the commit where it is known, for example `0.1.0 (commit 1f2e3d4c5b6a)`.
    public static var full: String {
        commit.map { "\(current) (commit \($0))" } ?? current
    }
}
