import CLinux
import Glibc
import SystemPackage

/// Mounts NFS exports; runs in a helper process, since every step may wait for a server.
struct NFSMounter {
    /// The versions to try when none is asked for, the best first.
    private static let versions = ["4.2", "4.1", "4.0", "3"]

    /// Directories of which one is there, to mount on in a namespace that nobody else sees.
    private static let scratch: [FilePath] = ["/mnt", "/tmp", "/run", "/var"]

    private let location: NFSLocation
    private let options: NFSMountOptions
    private let use: MountHelperUse
    private let site: CallSite

    init(_ location: NFSLocation, _ options: NFSMountOptions, _ use: MountHelperUse, for operation: HostOperation) {
        self.location = location
        self.options = options
        self.use = use
        site = CallSite(operation, at: FilePath(location.description))
    }

    /// Opens the export's directory without giving it a place that anybody else sees.
    func open() async throws(HostError) -> OwnedDescriptor {
        switch try attempts() {
        case .mounted(let tree):
            // A mount that is attached nowhere can be read like any other; its root has to be opened for that.
            return try refusingDevices(Resolution.beneath(tree.raw).open("", CLINUX_O_READ_DIRECTORY, for: site))
        case .program(let options):
            try site.check { clinux_private_mounts() }
            guard let place = Self.scratch.first(where: { isDirectory($0) }) else {
                throw site.failure(kind: .notFound, detail: "there is none of the directories /mnt, /tmp, /run, /var")
            }
            try await run(at: place, options)
            return try refusingDevices(Resolution.absolute.open(place, CLINUX_O_READ_DIRECTORY, for: site))
        }
    }

    /// Keeps the devices of an export from being opened, whatever pods or the server put there.
    private func refusingDevices(_ root: consuming OwnedDescriptor) throws(HostError) -> OwnedDescriptor {
        let raw = root.raw
        try LinuxMounts.change(site) {
            clinux_mount_setattr(raw, "", UInt32(CLINUX_AT_EMPTY_PATH), UInt64(MOUNT_ATTR_NODEV), 0, 0)
        }
        return root
    }

    /// Mounts the export at a directory.
    func mount(at target: FilePath) async throws(HostError) -> Int {
        let target = try PathRule.absoluteBelowRoot(target, .mount)
        let targetSite = CallSite(.mount, at: target)
        let place = try Resolution.absolute.open(target, CLINUX_O_PATH | CLINUX_O_DIRECTORY, for: targetSite)
        let program: NFSMountOptions
        switch try attempts() {
        case .mounted(let tree):
            let (rawTree, rawPlace) = (tree.raw, place.raw)
            try LinuxMounts.change(targetSite) {
                clinux_move_mount(rawTree, "", rawPlace, "", CLINUX_MOVE_MOUNT_EMPTY_PATHS)
            }
            do throws(HostError) {
                return try LinuxMounts.verified(tree, target, options.flags, targetSite).mountID
            } catch {
                // By descriptor: exactly the mount that was made here, whatever has been mounted over it since.
                _ = clinux_umount2("/proc/self/fd/\(rawTree)", CInt(MNT_DETACH))
                throw error
            }
        case .program(let options): program = options
        }
        try await run(at: target, program)
        guard let entry = try MountTableReader.current().topmost(at: target),
            entry.filesystemType.hasPrefix("nfs"), entry.bindOptions.isSuperset(of: options.flags)
        else {
            throw targetSite.failure(kind: .notVerified, detail: "mount.nfs ended well, and no such mount is there")
        }
        return entry.mountID
    }

    /// What trying came to.
    private enum Attempt: ~Copyable {
        /// A mount that is attached nowhere.
        case mounted(OwnedDescriptor)
        /// The mount program has to do it, with these options.
        case program(NFSMountOptions)
    }

    /// Tries the versions one after the other.
    private func attempts() throws(HostError) -> Attempt {
        if use == .always { return .program(options) }
        let isInstalled = use == .auto && Program.searchPath.contains { access("\($0)/mount.nfs", X_OK) == 0 }
        var refusals: [String] = []
        for version in options.version.map({ [$0] }) ?? Self.versions {
            let attempt = options.with(version: version)
            if isInstalled, attempt.needsProgram { return .program(attempt) }
            do throws(HostError) {
                return .mounted(try detached(attempt))
            } catch  where error.errno == .protocolNotSupported {
                refusals.append(version)
            }
        }
        throw site.failure(
            kind: .notSupported,
            detail:
                "the server does not serve NFS \(refusals.joined(separator: ", ")), or its kernel module is missing here"
        )
    }

    private func run(at target: FilePath, _ options: NFSMountOptions) async throws(HostError) {
        let words = self.options.flags.mountFlags + options.options
        var arguments = [location.description, target.string, "-n"]
        if !words.isEmpty { arguments += ["-o", words.joined(separator: ",")] }
        let outcome = try await LinuxPrograms().run(Program("mount.nfs", arguments), within: .seconds(3600))
        guard outcome.succeeded else {
            let said = outcome.standardError.isEmpty ? "\(outcome.ending)" : outcome.standardError
            let reason = said.lowercased()
            let kind: HostError.Kind =
                if reason.contains("denied") || reason.contains("not permitted") {
                    .permissionDenied
                } else if reason.contains("no such file") {
                    .notFound
                } else if reason.contains("timed out") {
                    .timedOut
                } else if reason.contains("refused") || reason.contains("unreachable") || reason.contains("resolve") {
                    .unreachable
                } else if reason.contains("not supported") {
                    .notSupported
                } else if reason.contains("mount option") {
                    .invalidArgument
                } else {
                    .programFailed
                }
            let given = words.isEmpty ? "" : " -o \(words.joined(separator: ","))"
            throw site.failure(
                kind: kind, detail: "mount.nfs\(given): \(said.split(separator: "\n").joined(separator: "; "))")
        }
    }

    private func isDirectory(_ path: FilePath) -> Bool {
        (try? CallSite(site.operation, at: path).metadata(of: path, by: .absolute))??.kind == .directory
    }

    // MARK: The kernel's own mount

    /// Makes a mount that is attached nowhere, by the first of the server's addresses that answers.
    private func detached(_ options: NFSMountOptions) throws(HostError) -> OwnedDescriptor {
        var failure: HostError?
        for address in try ServerAddress.all(of: location.server, site) {
            do throws(HostError) {
                return try detached(options, address)
            } catch  where error.kind == .unreachable || error.kind == .timedOut {
                failure = error
            }
        }
        throw failure ?? site.failure(kind: .unreachable, detail: "the name has no address")
    }

    private func detached(_ options: NFSMountOptions, _ address: String) throws(HostError) -> OwnedDescriptor {
        let context: OwnedDescriptor
        switch site.result({ clinux_fsopen("nfs") }) {
        case .success(let number): context = OwnedDescriptor(adopting: CInt(truncatingIfNeeded: number))
        case .failure(.operationNotSupportedByDevice):
            throw site.failure(kind: .notSupported, detail: "the kernel has no NFS client: load its module nfs")
        case .failure(.notPermitted):
            throw site.failure(.notPermitted, detail: "mounts need CAP_SYS_ADMIN: run privileged")
        case .failure(let errno): throw site.failure(errno)
        }
        let raw = context.raw
        for word in ["source=\(location)", "addr=\(address)"] + options.options {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            let answer = site.result {
                parts.count == 2
                    ? clinux_fsconfig_string(raw, parts[0], parts[1]) : clinux_fsconfig_flag(raw, word)
            }
            if case .failure(let errno) = answer {
                throw site.failure(errno, detail: "mount option \(word): \(LinuxFileSystems.messages(context))")
            }
        }
        if case .failure(let errno) = site.result({ clinux_fsconfig_create(raw) }) {
            throw explained(errno, options, LinuxFileSystems.messages(context))
        }
        let attributes = UInt32(truncatingIfNeeded: options.flags.mountAttributes.set)
        let number = try LinuxMounts.change(site) { clinux_fsmount(raw, attributes) }
        return OwnedDescriptor(adopting: CInt(truncatingIfNeeded: number))
    }

    private func explained(_ errno: Errno, _ options: NFSMountOptions, _ messages: String) -> HostError {
        let version = options.version ?? "4"
        let detail: String =
            switch errno {
            case .noSuchFileOrDirectory: "the server has no such directory, or does not export it over NFS \(version)"
            case .permissionDenied, .notPermitted:
                "the server does not let this machine mount it: see its export list and the option sec="
            case .protocolNotSupported: "the server does not serve NFS \(version)"
            case .connectionRefused: "nothing serves NFS there"
            case .timedOut: "the server does not answer"
            // Of what is missing, a kernel without keys or certificates says no more.
            case .invalidArgument where !options.securing.isEmpty:
                "with \(options.securing.joined(separator: ",")): \(messages)"
            default: messages
            }
        return site.failure(errno, detail: detail)
    }
}

extension NFSMountOptions {
    /// What server and kernel need more for than NFS.
    var securing: [String] { options.filter { $0.hasPrefix("sec=") || $0.hasPrefix("xprtsec=") } }

    /// Whether `mount.nfs` does something for them that the kernel does not: NFS 3 has its locks from `rpc.statd`.
    var needsProgram: Bool {
        version == "3" && !options.contains("nolock") && value(of: "local_lock") != "all"
    }
}

/// The addresses of a server.
enum ServerAddress {
    static func all(of server: String, _ site: CallSite) throws(HostError) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(server, nil, &hints, &list)
        guard status == 0 else {
            let reason = gai_strerror(status).map { String(cString: $0) } ?? "error \(status)"
            throw site.failure(kind: .unreachable, detail: "the name \(server) cannot be resolved: \(reason)")
        }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let info = next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let answer = getnameinfo(
                info.pointee.ai_addr, info.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            if answer == 0 {
                let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if !addresses.contains(address) { addresses.append(address) }
            }
            next = info.pointee.ai_next
        }
        return addresses
    }
}
