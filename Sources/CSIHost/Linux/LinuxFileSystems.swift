import CLinux
import Glibc
import SystemPackage

/// File systems on Linux.
struct LinuxFileSystems: FileSystems {
    let programs: LinuxPrograms

    // MARK: Probe

    func probe(_ device: FilePath) async throws(HostError) -> ProbeResult {
        let site = CallSite(.probe, at: device)
        var result = try Self.examine(device, site)
        // The superblock of a mounted file system may be read while it is being written.
        var attempts = 0
        while case .ambiguous = result, attempts < 3 {
            attempts += 1
            _ = clinux_sleep_milliseconds(10)
            result = try Self.examine(device, site)
        }
        return result
    }

    func content(of kind: FileSystemKind, on device: FilePath) async throws(HostError) -> DeviceContent? {
        try DeviceFile(device, CallSite(.probe, at: device)).superblock(of: kind)
    }

    private static func examine(_ path: FilePath, _ site: CallSite) throws(HostError) -> ProbeResult {
        let device = try DeviceFile(path, site)
        let image = try device.image()
        let ours = SuperblockProbe.examine(image)
        let theirs = try BlkidProbe.examine(device.descriptor, hasZeroEnds: image.isZero, site)
        switch (ours, theirs) {
        case (.ambiguous, _), (.blank, .nothing): return ours
        case (.content(let ours), .type(let theirs)) where ours.type == theirs: return .content(ours)
        case (_, .nothing): return .ambiguous("\(ours), and libblkid finds nothing")
        case (_, .several): return .ambiguous("\(ours), and libblkid finds several things")
        case (_, .type(let type)): return .ambiguous("\(ours), and libblkid finds \(type.debugDescription)")
        }
    }

    /// What is on an unmounted device, which must be this file system.
    private func content(
        _ kind: FileSystemKind, _ device: FilePath, _ operation: HostOperation
    ) async throws(HostError) -> DeviceContent {
        if let content = try DeviceFile(device, CallSite(operation, at: device)).superblock(of: kind) { return content }
        let found: ProbeResult
        do throws(HostError) {
            found = try await probe(device)
        } catch {
            throw error.during(operation)
        }
        throw HostError(
            operation, at: device, kind: .invalidArgument, detail: "there is no \(kind) on it; found: \(found)")
    }

    // MARK: Make

    func make(
        _ kind: FileSystemKind, on device: FilePath, options: MakeOptions, within limit: Duration,
        whenBlank: () async throws(HostError) -> Void
    ) async throws(HostError) -> DeviceContent {
        let site = CallSite(.makeFileSystem, at: device)
        // Held by nobody; mkfs opens it so itself, and this says it in an error of ours.
        let isImage = try DeviceFile(device, exclusively: true, site).isImage
        let file = try DeviceFile(device, forWriting: isImage, site)
        var isHeldByProgram = false
        if isImage { try file.lock() }
        defer { if isImage, !isHeldByProgram { file.unlock() } }
        let before: ProbeResult
        do throws(HostError) {
            before = try await probe(device)
        } catch {
            throw error.during(.makeFileSystem)
        }
        guard before.isBlank else {
            throw site.failure(kind: .notBlank, detail: "nothing was written; found: \(before)")
        }
        try await whenBlank()
        // That can have taken long. What has no signature mkfs would not see.
        if !isImage { file.dropCache() }
        guard try file.hasZeroEnds() else {
            throw site.failure(kind: .notBlank, detail: "nothing was written; somebody wrote to it since it was probed")
        }
        let program = MakeCommand.program(kind, device, options)
        let outcome: ProgramOutcome
        do throws(HostError) {
            outcome = try await programs.run(
                program, within: limit, keeping: isImage ? file.descriptor.raw : nil)
        } catch {
            // It may not even die: as long as it is there nobody else may write to the image.
            isHeldByProgram = true
            throw error.during(.makeFileSystem, at: device)
        }
        guard outcome.succeeded else {
            let error = HostError(program, outcome, for: .makeFileSystem, at: device)
            guard isImage, file.hasFailedForRoom(outcome.standardError) else { throw error }
            throw site.failure(.noSpace, detail: error.detail)
        }
        // Open since before mkfs began, so that it also learns of a write that failed and of which mkfs was told.
        if isImage { try file.settle() }
        // Before, the device was blank; what is on it now is mkfs's.
        guard let made = try file.superblock(of: kind), made.fileSystem == kind else {
            throw site.failure(kind: .notVerified, detail: "mkfs succeeded, and there is no \(kind) on it")
        }
        if let uuid = options.uuid?.lowercased(), made.uuid != uuid {
            throw site.failure(
                kind: .notVerified, detail: "it has the UUID \(made.uuid ?? "none"), asked for was \(uuid)")
        }
        return made
    }

    // MARK: Check

    func check(
        _ kind: FileSystemKind, on device: FilePath, depth: CheckDepth, within limit: Duration
    ) async throws(HostError) -> CheckOutcome {
        let site = CallSite(.checkFileSystem, at: device)
        _ = try DeviceFile(device, exclusively: true, site)
        guard let program = CheckCommand.program(kind, device, depth) else { return .leftToTheKernel }
        let outcome: ProgramOutcome
        do throws(HostError) {
            outcome = try await programs.run(program, within: limit)
        } catch {
            throw error.during(.checkFileSystem, at: device)
        }
        guard let found = CheckCommand.outcome(kind, outcome) else {
            throw HostError(program, outcome, for: .checkFileSystem, at: device)
        }
        return found
    }

    // MARK: Size

    func size(
        of kind: FileSystemKind, on device: FilePath, mountedAt mountPoint: FilePath?
    ) async throws(HostError) -> Int64 {
        let site = CallSite(.fileSystemSize, at: device)
        guard let mountPoint else {
            let content = try await content(kind, device, .fileSystemSize)
            guard let size = content.byteCount else { throw site.failure(kind: .notVerified) }
            return size
        }
        let mounted = try MountedFileSystem(mountPoint, .fileSystemSize)
        try mounted.require(kind, on: device)
        return try Self.mountedSize(kind, device, mounted, site)
    }

    private static func mountedSize(
        _ kind: FileSystemKind, _ device: FilePath, _ mounted: borrowing MountedFileSystem, _ site: CallSite
    ) throws(HostError) -> Int64 {
        let raw = mounted.directory.raw
        switch kind {
        case .ext3, .ext4:
            // ext4 keeps its superblock in the page cache of the device, so reading the device sees it as it is.
            guard let size = try DeviceFile(device, site).superblock(of: kind)?.byteCount else {
                throw site.failure(kind: .notVerified, detail: "its superblock cannot be read")
            }
            return size
        case .xfs:
            var (blocks, blockSize): (UInt64, UInt32) = (0, 0)
            try site.check { clinux_xfs_size(raw, &blocks, &blockSize) }
            return SuperblockProbe.size(blocks, of: UInt64(blockSize)) ?? .max
        case .btrfs:
            var (size, devices): (UInt64, UInt64) = (0, 0)
            try site.check { clinux_btrfs_size(raw, &size, &devices) }
            guard devices == 1 else {
                throw site.failure(kind: .notSupported, detail: "the file system is spread over \(devices) devices")
            }
            return Int64(clamping: size)
        }
    }

    // MARK: Grow

    func grow(
        _ kind: FileSystemKind, on device: FilePath, mountedAt mountPoint: FilePath?, within limit: Duration
    ) async throws(HostError) -> GrowOutcome {
        let site = CallSite(.growFileSystem, at: device)
        let before = try await sizeToGrow(kind, device, mountPoint)
        let available = try DeviceFile(device, site).size
        guard before <= available else {
            throw site.failure(
                kind: .damaged, detail: "the file system has \(before) bytes, its device only \(available)")
        }
        // Less than a block more is no more.
        guard available - before >= 4096 else { return GrowOutcome(before: before, after: before) }
        try await grow(kind, device, mountPoint, within: limit)
        let after = try await sizeToGrow(kind, device, mountPoint)
        guard after >= before else {
            throw site.failure(kind: .notVerified, detail: "it had \(before) bytes and now has \(after)")
        }
        return GrowOutcome(before: before, after: after)
    }

    private func sizeToGrow(
        _ kind: FileSystemKind, _ device: FilePath, _ mountPoint: FilePath?
    ) async throws(HostError) -> Int64 {
        do throws(HostError) {
            return try await size(of: kind, on: device, mountedAt: mountPoint)
        } catch {
            throw error.during(.growFileSystem)
        }
    }

    private func grow(
        _ kind: FileSystemKind, _ device: FilePath, _ mountPoint: FilePath?, within limit: Duration
    ) async throws(HostError) {
        let site = CallSite(.growFileSystem, at: device)
        guard let program = GrowCommand.program(kind, device, mountedAt: mountPoint) else {
            throw site.failure(kind: .notSupported, detail: "\(kind) grows only while it is mounted")
        }
        if let mountPoint {
            guard try !MountedFileSystem(mountPoint, .growFileSystem).entry.isReadOnly else {
                throw site.failure(.readOnlyFileSystem, detail: "it is mounted read-only at \(mountPoint)")
            }
        } else {
            let check = GrowCommand.check(device)
            let outcome = try await run(check, site, within: limit)
            guard let found = CheckCommand.outcome(kind, outcome) else {
                throw HostError(check, outcome, for: .growFileSystem, at: device)
            }
            guard found.isUsable else { throw site.failure(kind: .damaged, detail: "\(found)") }
        }
        let outcome = try await run(program, site, within: limit)
        guard outcome.succeeded else { throw HostError(program, outcome, for: .growFileSystem, at: device) }
    }

    private func run(
        _ program: Program, _ site: CallSite, within limit: Duration
    ) async throws(HostError) -> ProgramOutcome {
        do throws(HostError) {
            return try await programs.run(program, within: limit)
        } catch {
            throw error.during(site.operation, at: site.path)
        }
    }

    // MARK: Trim

    func trim(_ mountPoint: FilePath) async throws(HostError) -> Int64 {
        let mounted = try MountedFileSystem(mountPoint, .trim)
        let site = CallSite(.trim, at: mountPoint)
        let raw = mounted.directory.raw
        var trimmed: UInt64 = 0
        try site.check { clinux_trim(raw, &trimmed) }
        return Int64(clamping: trimmed)
    }
}
