/// What every host demands of a tree that is to be copied.
package enum TreeCopyRule {
    /// The error about a tree that is not of the host that is to copy it.
    package static func foreignTree(_ tree: any DirectoryTree) -> HostError {
        HostError(.copyTree, at: tree.path, kind: .invalidArgument, detail: "the directory was opened by another host")
    }
}
