public import CSICore

extension NFSDriver {
    /// The keys of its classes, which may be written in any case, for reference pages.
    public static let parameters = [
        ParameterDescription(
            "server", values: "name or address", defaultValue: "required",
            help: "The NFS server; an IPv6 address with or without brackets."),
        ParameterDescription(
            "share", values: "absolute path", defaultValue: "required", help: "The export in which volumes are made."),
        ParameterDescription(
            "subDir", values: "path with templates", defaultValue: "the volume's name",
            help:
                "The volume's directory below the share; ${pvc.metadata.name}, ${pvc.metadata.namespace} and ${pv.metadata.name} are replaced."
        ),
        ParameterDescription(
            "onDelete", values: "delete, retain, archive", defaultValue: "what `--default-ondelete-policy` says",
            help: "What becomes of the directory when the volume is deleted."),
        ParameterDescription(
            "onDelete", .volumeAttributesClass, values: "delete, retain, archive", defaultValue: "unchanged",
            help: "What becomes of the directory when the volume is deleted."),
        ParameterDescription(
            "mountPermissions", values: "octal mode", defaultValue: "0: as it is",
            help: "The mode of the volume's directory, as csi-driver-nfs calls it."),
        ParameterDescription(
            "mode", values: "octal mode", defaultValue: "as the server makes it",
            help: "The mode of the volume's directory."),
        ParameterDescription(
            "uid", values: "number", defaultValue: "as the server makes it", help: "The owner of the directory."),
        ParameterDescription(
            "gid", values: "number", defaultValue: "as the server makes it", help: "The group of the directory."),
        ParameterDescription(
            "server", .volumeSnapshotClass, values: "name or address", defaultValue: "the source's",
            help: "Where snapshots are kept."),
        ParameterDescription(
            "share", .volumeSnapshotClass, values: "absolute path", defaultValue: "the source's",
            help: "Where snapshots are kept."),
        ParameterDescription(
            "mountOptions", .volumeSnapshotClass, values: "mount options", defaultValue: "the source's",
            help: "How that share is mounted for the driver."),
    ]
}
