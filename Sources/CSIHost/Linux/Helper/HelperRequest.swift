import SystemPackage

/// What a helper process is asked to do.
enum HelperRequest {
    /// Open an export and keep it as the helper's directory.
    case openExport(NFSLocation, NFSMountOptions, MountHelperUse)
    /// Open a directory of this machine and keep it.
    case openDirectory(FilePath)
    /// Let go of the directory.
    case close
    case mount(NFSLocation, FilePath, NFSMountOptions, MountHelperUse)
    case bindMount(FilePath, FilePath, BindOptions)
    case unmount(FilePath, UnmountPolicy)
    /// Do something in the directory, one thing after the other until one fails.
    case trees([TreeRequest])
    /// Copy a directory, of the helper's own or of another export, into a name of the helper's directory.
    case copyTree(Origin?, FilePath, FilePath, CopyOptions.Sharing)

    /// An export and how to mount it.
    struct Origin {
        let location: NFSLocation
        let options: NFSMountOptions
        let use: MountHelperUse
    }

    var bytes: [UInt8] {
        var writer = HelperWriter()
        switch self {
        case .openExport(let location, let options, let use):
            writer.write(UInt8(0))
            writer.write(location, options, use)
        case .openDirectory(let path):
            writer.write(UInt8(1))
            writer.write(path)
        case .close:
            writer.write(UInt8(2))
        case .mount(let location, let target, let options, let use):
            writer.write(UInt8(3))
            writer.write(location, options, use)
            writer.write(target)
        case .bindMount(let source, let target, let options):
            writer.write(UInt8(4))
            writer.write(source)
            writer.write(target)
            writer.write(Int64(options.rawValue))
        case .unmount(let target, let policy):
            writer.write(UInt8(5))
            writer.write(target)
            writer.write(policy.deadline)
            writer.write(policy.whenBusy == .detach)
            writer.write(policy.whenHung == .detach)
            writer.write(policy.forces)
        case .trees(let requests):
            writer.write(UInt8(6))
            writer.write(Int64(requests.count))
            for request in requests { request.write(to: &writer) }
        case .copyTree(let origin, let source, let destination, let sharing):
            writer.write(UInt8(7))
            writer.write(origin != nil)
            if let origin { writer.write(origin.location, origin.options, origin.use) }
            writer.write(source)
            writer.write(destination)
            writer.write(sharing.code)
        }
        return writer.bytes
    }

    init(parsing bytes: [UInt8]) throws(HelperReader.Malformed) {
        var reader = HelperReader(bytes)
        switch try reader.byte() {
        case 0:
            let (location, options, use) = try reader.mountArguments()
            self = .openExport(location, options, use)
        case 1: self = .openDirectory(try reader.path())
        case 2: self = .close
        case 3:
            let (location, options, use) = try reader.mountArguments()
            self = .mount(location, try reader.path(), options, use)
        case 4:
            let (source, target) = (try reader.path(), try reader.path())
            self = .bindMount(source, target, BindOptions(rawValue: UInt16(truncatingIfNeeded: try reader.number())))
        case 5:
            let (target, deadline) = (try reader.path(), try reader.duration())
            let (whenBusy, whenHung) = (try reader.bool(), try reader.bool())
            var policy = UnmountPolicy(
                deadline: deadline, whenBusy: whenBusy ? .detach : .fail, whenHung: whenHung ? .detach : .fail)
            policy.forces = try reader.bool()
            self = .unmount(target, policy)
        case 6:
            let count = try reader.number()
            guard (0...10_000).contains(count) else { throw HelperReader.Malformed() }
            var requests: [TreeRequest] = []
            for _ in 0..<count { requests.append(try TreeRequest(&reader)) }
            self = .trees(requests)
        case 7:
            var origin: Origin?
            if try reader.bool() {
                let (location, options, use) = try reader.mountArguments()
                origin = Origin(location: location, options: options, use: use)
            }
            let (source, destination) = (try reader.path(), try reader.path())
            guard let sharing = CopyOptions.Sharing(code: try reader.byte()) else { throw HelperReader.Malformed() }
            self = .copyTree(origin, source, destination, sharing)
        default: throw HelperReader.Malformed()
        }
    }
}

/// What is to be done in a helper's directory; paths are relative to it.
enum TreeRequest {
    case createDirectory(FilePath, FilePermissions)
    case metadata(FilePath)
    case list(FilePath, limit: Int64)
    case readFile(FilePath, limit: Int64)
    case writeFile(FilePath, [UInt8], FilePermissions, replacing: Bool)
    case rename(FilePath, FilePath, replacing: Bool)
    case syncDirectory(FilePath)
    case syncTree(FilePath)
    case removeFile(FilePath)
    case removeDirectory(FilePath)
    case removeTree(FilePath)
    case setPermissions(FilePath, FilePermissions)
    case setOwner(FilePath, UInt32?, UInt32?)
    case capacity
    /// Unpack a tar archive into an empty directory.
    case unpack(FilePath, FilePath)
    case readFileIfPresent(FilePath, limit: Int64)

    /// Whether it goes on for as long as the tree is large.
    var isLong: Bool {
        switch self {
        case .syncTree, .removeTree, .unpack: true
        default: false
        }
    }

    func write(to writer: inout HelperWriter) {
        switch self {
        case .createDirectory(let path, let permissions): writer.write(0, path, permissions)
        case .metadata(let path): writer.write(1, path)
        case .list(let path, let limit):
            writer.write(2, path)
            writer.write(limit)
        case .readFile(let path, let limit):
            writer.write(3, path)
            writer.write(limit)
        case .writeFile(let path, let bytes, let permissions, let replacing):
            writer.write(4, path, permissions)
            writer.write(bytes)
            writer.write(replacing)
        case .rename(let source, let destination, let replacing):
            writer.write(5, source)
            writer.write(destination)
            writer.write(replacing)
        case .syncDirectory(let path): writer.write(6, path)
        case .syncTree(let path): writer.write(7, path)
        case .removeFile(let path): writer.write(8, path)
        case .removeDirectory(let path): writer.write(9, path)
        case .removeTree(let path): writer.write(10, path)
        case .setPermissions(let path, let permissions): writer.write(11, path, permissions)
        case .setOwner(let path, let user, let group):
            writer.write(12, path)
            writer.write(user)
            writer.write(group)
        case .capacity: writer.write(UInt8(13))
        case .unpack(let archive, let destination):
            writer.write(14, archive)
            writer.write(destination)
        case .readFileIfPresent(let path, let limit):
            writer.write(15, path)
            writer.write(limit)
        }
    }

    init(_ reader: inout HelperReader) throws(HelperReader.Malformed) {
        switch try reader.byte() {
        case 0: self = .createDirectory(try reader.path(), try reader.permissions())
        case 1: self = .metadata(try reader.path())
        case 2: self = .list(try reader.path(), limit: try reader.number())
        case 3: self = .readFile(try reader.path(), limit: try reader.number())
        case 4:
            let (path, permissions) = (try reader.path(), try reader.permissions())
            self = .writeFile(path, try reader.data(), permissions, replacing: try reader.bool())
        case 5: self = .rename(try reader.path(), try reader.path(), replacing: try reader.bool())
        case 6: self = .syncDirectory(try reader.path())
        case 7: self = .syncTree(try reader.path())
        case 8: self = .removeFile(try reader.path())
        case 9: self = .removeDirectory(try reader.path())
        case 10: self = .removeTree(try reader.path())
        case 11: self = .setPermissions(try reader.path(), try reader.permissions())
        case 12: self = .setOwner(try reader.path(), try reader.optionalNumber(), try reader.optionalNumber())
        case 13: self = .capacity
        case 14: self = .unpack(try reader.path(), try reader.path())
        case 15: self = .readFileIfPresent(try reader.path(), limit: try reader.number())
        default: throw HelperReader.Malformed()
        }
    }
}

extension HelperWriter {
    fileprivate mutating func write(_ code: UInt8, _ path: FilePath, _ permissions: FilePermissions? = nil) {
        write(code)
        write(path)
        if let permissions { write(permissions) }
    }

    fileprivate mutating func write(_ location: NFSLocation, _ options: NFSMountOptions, _ use: MountHelperUse) {
        write(location.server)
        write(location.path)
        write(Int64(options.flags.rawValue))
        write(options.options)
        write(use.rawValue)
    }
}

extension HelperReader {
    fileprivate mutating func mountArguments() throws(Malformed) -> (NFSLocation, NFSMountOptions, MountHelperUse) {
        let (server, path) = (try text(), try path())
        let flags = BindOptions(rawValue: UInt16(truncatingIfNeeded: try number()))
        let words = try words()
        guard let use = MountHelperUse(rawValue: try text()) else { throw Malformed() }
        do throws(InvalidNFSLocation) {
            let location = try NFSLocation(server: server, path: path)
            return (location, NFSMountOptions(flags: flags, options: words), use)
        } catch {
            throw Malformed()
        }
    }
}

extension CopyOptions.Sharing {
    fileprivate var code: UInt8 {
        switch self {
        case .preferred: 0
        case .required: 1
        case .never: 2
        }
    }

    fileprivate init?(code: UInt8) {
        switch code {
        case 0: self = .preferred
        case 1: self = .required
        case 2: self = .never
        default: return nil
        }
    }
}
