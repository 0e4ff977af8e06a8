public import CSICore
public import CSIHost
import CSIProto
public import Logging
import SystemPackage

/// Volumes as directories of NFS exports, in place of csi-driver-nfs: the same parameters, handles and directories.
///
/// What may not happen: that a deletion reaches anything but the volume's own directory, and that a server which is gone
/// holds up the volumes of another. So the driver works by descriptors below the share, removes no directory that it has not
/// made, and does everything that may wait for a server in helper processes of the host.
public struct NFSDriver: CSIDriver {
    /// The name and version.
    public var info: PluginInfo { configuration.info }

    /// The node that this process runs on.
    public var nodeID: NodeID { configuration.nodeID }

    /// Mounted directories on any number of nodes.
    public let support = VolumeSupport(
        modes: Set(AccessMode.allCases), mount: .init(fileSystemTypes: ["nfs", "nfs4"]))

    let configuration: NFSConfiguration
    let host: any Host
    let logger: Logger
    let shares: KnownShares
    let places: BusyPlaces
    let snapshotJobs: SnapshotJobs
    let mountHealth: MountHealth

    /// Creates a driver.
    /// - Parameters:
    ///   - configuration: Names and policies.
    ///   - host: The machine.
    ///   - logger: Receives what happens outside of calls.
    public init(configuration: NFSConfiguration, host: any Host, logger: Logger) {
        self.configuration = configuration
        self.host = host
        self.logger = logger
        shares = KnownShares(configuration.shares.map { KnownShares.Entry($0, configuration.mountOptions.forDriver) })
        places = BusyPlaces()
        snapshotJobs = SnapshotJobs()
        mountHealth = MountHealth()
    }

    /// The handle of a volume, nil for an id that is not this driver's.
    func handle(_ id: VolumeID) -> VolumeHandle? { VolumeHandle(id.rawValue) }

    /// Opens a share to work in it, with the options that the first of these knows: the handle, the secret `mountOptions` that
    /// csi-driver-nfs uses, an earlier call, the configuration.
    func open(
        _ location: NFSLocation, _ options: NFSMountOptions?, _ secrets: Secrets = Secrets(), for work: String
    ) async throws(CSIError) -> Share {
        let secret = try Self.mountOptions(secrets)
        let working = (options ?? secret ?? shares.options(of: location) ?? configuration.mountOptions).forDriver
        do throws(HostError) {
            let tree = try await host.network.openExport(location, options: working, for: work)
            shares.insert(KnownShares.Entry(location, working))
            return Share(location: location, options: working, tree: tree)
        } catch {
            throw CSIError(nfs: error)
        }
    }

    /// Opens a share to change what volumes there are.
    func openToChange(
        _ location: NFSLocation, _ options: NFSMountOptions?, _ secrets: Secrets, for work: String
    ) async throws(CSIError) -> Share {
        let share = try await open(location, options, secrets, for: work)
        await shares.tidy(location) { await share.removeStrays() }
        return share
    }

    private static func mountOptions(_ secrets: Secrets) throws(CSIError) -> NFSMountOptions? {
        try secrets.withValue(for: "mountOptions") { (text) throws(CSIError) -> NFSMountOptions in
            do throws(UnsupportedOption) {
                return try NFSMountOptions(mountFlags: [text])
            } catch {
                // The value is a secret; what is wrong with it is not said.
                throw .invalid("secrets[\"mountOptions\"]", "has an option that is not allowed for an NFS mount")
            }
        }
    }
}

/// A share that is open.
struct Share: Sendable {
    let location: NFSLocation
    let options: NFSMountOptions
    let tree: any DirectoryTree
}

extension CSIError {
    /// The answer that a failed effect on an NFS share calls for: nothing is final that may still be going on, or that ends
    /// when the server is back or lets this machine in.
    init(nfs error: HostError) {
        switch error.kind {
        case .timedOut: self = .deadlineExceeded(error.description)
        case .lockHeld: self = .pendingElsewhere(error.description)
        case .unreachable, .stale, .cancelled: self = .unavailable(error.description)
        case .noSpace, .resourceLimit: self = .noSpace(error.description)
        case .permissionDenied:
            self = .preconditionFailed(
                error.description
                    + "; the server decides by its export's options: root_squash, anonuid, the owner and mode "
                    + "of the directory")
        case .notFound, .busy, .readOnlyFileSystem, .symbolicLink, .notEmpty, .notDirectory, .wrongType, .notSupported,
            .alreadyExists, .crossesMount, .invalidArgument, .programFailed:
            self = .preconditionFailed(error.description)
        default: self = .fault(error.description)
        }
    }
}

/// Runs an effect on an NFS share and turns its error into the answer for the caller.
func withNFSErrors<Result>(
    _ effect: () async throws(HostError) -> Result
) async throws(CSIError) -> Result {
    do throws(HostError) {
        return try await effect()
    } catch {
        throw CSIError(nfs: error)
    }
}
