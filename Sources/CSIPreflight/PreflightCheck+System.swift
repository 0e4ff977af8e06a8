public import CSIHost
import SystemPackage

/// What is asked of the kernel, of the process and of what is installed.
extension PreflightCheck {
    /// A feature of the kernel, which cannot come while the process runs.
    public static func kernel(_ feature: KernelFeature) -> PreflightCheck {
        PreflightCheck("kernel.\(feature.rawValue)", .required) { host in
            await verdict { () async throws(HostError) in
                switch try await host.system.support(for: feature) {
                case .available: .met("the kernel has \(feature.rawValue)")
                case .missing:
                    .unmet("the kernel has no \(feature.rawValue)", fix: "run Linux \(feature.since) or later")
                case .forbidden:
                    .unmet(
                        "the process may not call \(feature.rawValue)",
                        fix: "run privileged: with CAP_SYS_ADMIN, and with a seccomp profile that allows the call")
                }
            }
        }
    }

    /// A capability of the process.
    /// - Parameters:
    ///   - capability: The capability.
    ///   - need: How much depends on it.
    ///   - purpose: What it is for, to follow "needed for".
    public static func capability(
        _ capability: ProcessCapability, _ need: Need, for purpose: String
    ) -> PreflightCheck {
        PreflightCheck("capability.\(capability)", need) { host in
            await verdict { () async throws(HostError) in
                guard try await host.system.capabilities().contains(capability) else {
                    return .unmet(
                        "the process has no \(capability), which is needed for \(purpose)",
                        fix: "run as root, and add \(capability) to the container's security context")
                }
                return .met("the process has \(capability)")
            }
        }
    }

    /// A program that some calls run.
    /// - Parameters:
    ///   - name: The program, for example `mkfs.xfs`.
    ///   - package: The package that brings it.
    ///   - purpose: What it is for, to follow "needed for".
    public static func program(_ name: String, from package: String, for purpose: String) -> PreflightCheck {
        PreflightCheck("program.\(name)", .recommended) { host in
            await verdict { () async throws(HostError) in
                guard try await host.system.hasProgram(name) else {
                    return .unmet(
                        "there is no program \(name), which is needed for \(purpose)", fix: "install \(package)")
                }
                return .met("\(name) is installed")
            }
        }
    }

    /// A file system that the kernel is to mount.
    /// - Parameters:
    ///   - type: The kernel's name for it, for example `xfs`.
    ///   - purpose: What it is for, to follow "needed for".
    public static func fileSystem(_ type: String, for purpose: String) -> PreflightCheck {
        PreflightCheck("file-system.\(type)", .recommended) { host in
            await verdict { () async throws(HostError) in
                guard try await host.system.fileSystemTypes().contains(type) else {
                    return .unmet(
                        "the kernel does not know \(type) yet, which is needed for \(purpose)",
                        fix: "if mounts of it fail, load the module on the node: modprobe \(type)")
                }
                return .met("the kernel knows \(type)")
            }
        }
    }

    /// Mounts of Btrfs file systems with one UUID beside each other, as snapshots and their source are.
    ///
    /// The kernel tells once its Btrfs is loaded.
    public static let btrfsCopies = PreflightCheck("file-system.btrfs.copies", .recommended) { host in
        await verdict { () async throws(HostError) in
            let features: FilePath = "/sys/fs/btrfs/features"
            guard try await host.files.metadata(of: features) != nil else { return .met("Btrfs is not loaded yet") }
            guard try await host.files.metadata(of: features.appending("temp_fsid")) != nil else {
                return .unmet(
                    "the kernel does not mount a copy of a Btrfs beside its source",
                    fix: "run Linux 6.7 or later, or use the copies of btrfs volumes one at a time")
            }
            return .met("the kernel mounts copies of a Btrfs beside each other")
        }
    }

    /// The machine's loop devices.
    public static let loopDevices = PreflightCheck("loop.control", .awaited) { host in
        do throws(HostError) {
            try await host.system.requireDevice("/dev/loop-control")
            return .met("/dev/loop-control can be opened")
        } catch {
            let fix =
                error.kind == .permissionDenied
                ? "run privileged, so that the container may open the devices of the node"
                : "load the module on the node, modprobe loop, and give the container the node's /dev"
            return .unmet(error.description, fix: fix)
        }
    }

    /// Looks, and makes an error of the look itself a verdict.
    static func verdict(_ look: () async throws(HostError) -> Verdict) async -> Verdict {
        do throws(HostError) {
            return try await look()
        } catch {
            return .unmet(
                "it could not be found out: \(error.description)", fix: "mount /proc and /sys as a container does")
        }
    }
}
