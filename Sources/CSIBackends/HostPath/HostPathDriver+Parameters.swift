public import CSICore

extension HostPathDriver {
    /// The keys of classes that the backend knows; any other is refused by name.
    public static let parameters =
        [
            ParameterDescription(
                "pool", values: "a pool's name", defaultValue: "the pool without a name, else the first",
                help: "The pool of the node in which volumes are made."),
            ParameterDescription(
                "mode", values: "octal mode", defaultValue: "0777", help: "The mode of the volume's directory."),
            ParameterDescription(
                "uid", values: "number", defaultValue: "0", help: "The owner of the volume's directory."),
            ParameterDescription(
                "gid", values: "number", defaultValue: "0", help: "The group of the volume's directory."),
        ] + [ParameterDescription.Scope.storageClass, .volumeAttributesClass].flatMap(settings)

    private static func settings(_ scope: ParameterDescription.Scope) -> [ParameterDescription] {
        [
            ParameterDescription(
                "onDelete", scope, values: "delete, retain", defaultValue: "delete",
                help: "What becomes of the data of a volume that is deleted."),
            ParameterDescription(
                "inodeLimit", scope, values: "number", defaultValue: "none",
                help: "The most files, directories and links, where the pool's file system can limit them."),
            ParameterDescription(
                "readAhead", scope, values: "bytes, a multiple of 4096", defaultValue: "the kernel's",
                help: "How much is read ahead of a raw block volume."),
            ParameterDescription(
                "directIO", scope, values: "true, false", defaultValue: "true where the pool's file system can",
                help: "Whether a raw block volume goes around the page cache of the pool's file system."),
        ]
    }
}
