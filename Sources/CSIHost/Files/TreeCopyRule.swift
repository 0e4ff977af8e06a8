/// What every host demands of a tree that is to be copied.
package enum TreeCopyRule {
    /// The error about a tree that is not of the host that is to copy it, or a file in it.
    package static func foreignTree(_ tree: any DirectoryTree, _ operation: HostOperation = .copyTree) -> HostError {
        HostError(operation, at: tree.path, kind: .invalidArgument, detail: "the directory was opened by another host")
    }
}
