import CSIHost
public import SystemPackage

/// What is asked of directories.
extension PreflightCheck {
    /// A directory that a driver writes to.
    /// - Parameters:
    ///   - path: The directory.
    ///   - what: What it is to the driver, for example `pool`: the name of the check begins with it.
    public static func directory(_ path: FilePath, as what: String) -> PreflightCheck {
        PreflightCheck("\(what).directory", .required) { host in
            await verdict { () async throws(HostError) in
                guard let place = try await place(of: path, on: host) else {
                    return .unmet("\(path) does not exist", fix: "create the directory, or name another one")
                }
                let mount = try await host.mounts.mountTable().mountPoint(containing: place)
                // Of a directory on a hung file system nothing is asked: the mount table tells as much as is needed.
                if let mount, mount.isReadOnly {
                    return .unmet(
                        "\(path) is on a read-only mount, \(mount.mountPoint)", fix: "mount it for writing: see dmesg")
                }
                return .met("\(path) is there, on \(mount?.filesystemType ?? "an unknown file system")")
            }
        }
    }

    /// A directory that must be a mount, so that data never lands on the disk below when the mount is late.
    /// - Parameters:
    ///   - path: The directory.
    ///   - what: What it is to the driver, for example `pool`: the name of the check begins with it.
    public static func mountPoint(_ path: FilePath, as what: String) -> PreflightCheck {
        PreflightCheck("\(what).mount", .awaited) { host in
            await verdict { () async throws(HostError) in
                guard let place = try await place(of: path, on: host) else {
                    return .unmet("\(path) does not exist", fix: "mount the disk of the \(what) there")
                }
                guard let mount = try await host.mounts.mountTable().topmost(at: place) else {
                    return .unmet("\(path) is not a mount", fix: "mount the disk of the \(what) there")
                }
                return .met("\(path) is a mount of \(mount.source), \(mount.filesystemType)")
            }
        }
    }

    /// The kubelet's directory: mounts that are made below it must reach the node, or pods would see empty directories.
    public static func sharedMounts(below path: FilePath) -> PreflightCheck {
        PreflightCheck("mounts.shared", .awaited) { host in
            await verdict { () async throws(HostError) in
                guard let place = try await place(of: path, on: host) else {
                    return .unmet(
                        "\(path) does not exist",
                        fix: "mount the kubelet's directory, with mountPropagation: Bidirectional")
                }
                guard let mount = try await host.mounts.mountTable().mountPoint(containing: place), mount.isShared
                else {
                    return .unmet(
                        "mounts below \(path) do not reach the node: the mount that it lies on is not shared",
                        fix: "mount it with mountPropagation: Bidirectional and restart the container; outside of one, "
                            + "run mount --make-rshared / on the node")
                }
                return .met("mounts below \(path) reach the node")
            }
        }
    }

    /// Where a directory is, behind links; nil when it does not exist.
    private static func place(of path: FilePath, on host: any Host) async throws(HostError) -> FilePath? {
        do throws(HostError) {
            return try await host.files.canonicalPath(of: path)
        } catch {
            guard error.kind == .notFound else { throw error }
            return nil
        }
    }
}
