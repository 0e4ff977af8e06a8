public import SystemPackage

/// A failed host operation: what was tried, on which path, and why it failed.
///
/// Decide on ``kind``, which groups the causes that a backend answers differently; log the ``description``, one line
/// that names operation, path and cause and, where there is one, the remedy.
///
/// ```swift
/// do {
///     try await volumes.writeFileDurably("v1/volume", bytes, permissions: .ownerReadWrite, replacing: false)
/// } catch where error.kind == .noSpace {
///     throw .resourceExhausted("the pool is full")
/// }
/// ```
public struct HostError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The operation that failed.
    public var operation: HostOperation

    /// The path it failed at, absolute where it is known; nil when no single path is concerned.
    public var path: FilePath?

    /// Why it failed, by the answer that it calls for.
    public var kind: Kind

    /// The kernel's error number; nil when this library refused, not the kernel.
    public var errno: Errno?

    /// What a human needs beyond operation, path and cause: which component, which limit, what to do about it.
    public var detail: String?

    /// Creates an error whose kind this library decided.
    public init(
        _ operation: HostOperation, at path: FilePath?, kind: Kind, errno: Errno? = nil, detail: String? = nil
    ) {
        self.operation = operation
        self.path = path
        self.kind = kind
        self.errno = errno
        self.detail = detail
    }

    /// Creates an error from the kernel's error number, which decides the kind.
    public init(_ operation: HostOperation, at path: FilePath?, errno: Errno, detail: String? = nil) {
        self.init(operation, at: path, kind: Kind(errno: errno), errno: errno, detail: detail)
    }

    /// The same error as part of a larger operation.
    package func during(_ operation: HostOperation, at path: FilePath? = nil) -> HostError {
        var error = self
        error.operation = operation
        if let path { error.path = path }
        return error
    }

    /// One line: operation, path, cause, remedy; control characters in the path are escaped.
    public var description: String {
        var line = "cannot \(operation)"
        if let path { line += " \(Self.printable(path))" }
        line += ": "
        // The kernel's words for ELOOP speak of a loop, which a refused link is not.
        if let errno, kind == Kind(errno: errno), kind != .symbolicLink {
            line += "\(errno.description) (errno \(errno.rawValue))"
        } else {
            line += kind.description
        }
        if let detail { line += "; \(detail)" }
        return line
    }

    /// The path in double quotes with everything that could break a log line escaped, and without the end of one that is
    /// longer than a log line should be.
    private static func printable(_ path: FilePath) -> String {
        let limit = 1024
        let scalars = path.string.unicodeScalars
        var text = "\""
        for (index, scalar) in scalars.enumerated() {
            if index == limit { return text + "\"..." }
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value):
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}

extension HostError {
    /// The causes that a caller tells apart.
    ///
    /// New kinds may appear: give a `switch` over them a `default`.
    public struct Kind: Sendable, Hashable, CustomStringConvertible {
        private enum Cause: String {
            case notFound = "no such file or directory"
            case alreadyExists = "already exists"
            case notEmpty = "directory not empty"
            case notDirectory = "not a directory"
            case isDirectory = "is a directory"
            case wrongType = "wrong type of file"
            case noSpace = "no space left"
            case busy = "busy"
            case lockHeld = "locked by somebody else"
            case permissionDenied = "permission denied"
            case readOnlyFileSystem = "read-only file system"
            case symbolicLink = "symbolic link refused"
            case crossesMount = "crosses a mount point"
            case invalidPath = "invalid path"
            case invalidArgument = "invalid argument"
            case tooLarge = "too large"
            case timedOut = "timed out"
            case stale = "stale or disconnected file system"
            case unreachable = "the server cannot be reached"
            case noDevice = "a device of the kernel is missing"
            case resourceLimit = "out of a system resource"
            case notSupported = "not supported by this kernel or file system"
            case notVerified = "the kernel does not show the expected result"
            case inputOutput = "input/output error"
            case programFailed = "a program failed"
            case notBlank = "the device is not blank"
            case damaged = "the file system is damaged"
            case cancelled = "cancelled"
            case crashed = "the simulated process is dead"
            case other = "unexpected error"
        }

        private let cause: Cause

        /// What the kind means, in lower case.
        public var description: String { cause.rawValue }

        /// The path, or a directory on the way to it, does not exist (ENOENT).
        public static let notFound = Kind(cause: .notFound)
        /// Something exists where a new thing was to appear (EEXIST).
        public static let alreadyExists = Kind(cause: .alreadyExists)
        /// A directory that had to be empty is not (ENOTEMPTY).
        public static let notEmpty = Kind(cause: .notEmpty)
        /// A directory was needed, and something else is there (ENOTDIR).
        public static let notDirectory = Kind(cause: .notDirectory)
        /// A file was needed, and a directory is there (EISDIR).
        public static let isDirectory = Kind(cause: .isDirectory)
        /// The file is a device, socket or FIFO where a regular file was needed, or the two ends of a bind mount differ.
        public static let wrongType = Kind(cause: .wrongType)
        /// The disk or the quota is full, of bytes or of inodes (ENOSPC, EDQUOT).
        public static let noSpace = Kind(cause: .noSpace)
        /// A mount or directory is in use (EBUSY, ETXTBSY).
        public static let busy = Kind(cause: .busy)
        /// Another process, or another handle of this one, holds the lock.
        public static let lockHeld = Kind(cause: .lockHeld)
        /// The process may not do this (EACCES, EPERM), or the file is immutable.
        public static let permissionDenied = Kind(cause: .permissionDenied)
        /// The file system or mount is read-only (EROFS).
        public static let readOnlyFileSystem = Kind(cause: .readOnlyFileSystem)
        /// The path, or a component of it, is a symbolic link, which is never followed (ELOOP).
        public static let symbolicLink = Kind(cause: .symbolicLink)
        /// The operation would have crossed into another mount (EXDEV).
        public static let crossesMount = Kind(cause: .crossesMount)
        /// The path is empty, relative where it must not be, leads upwards, or is too long (ENAMETOOLONG).
        public static let invalidPath = Kind(cause: .invalidPath)
        /// An argument makes no sense, or the kernel says so (EINVAL).
        public static let invalidArgument = Kind(cause: .invalidArgument)
        /// The answer exceeds the caller's limit (also EFBIG, EOVERFLOW).
        public static let tooLarge = Kind(cause: .tooLarge)
        /// The deadline passed (also ETIMEDOUT).
        public static let timedOut = Kind(cause: .timedOut)
        /// The file system behind the mount is gone (ESTALE, ENOTCONN, ENODEV, EHOSTDOWN, ESHUTDOWN).
        public static let stale = Kind(cause: .stale)
        /// No connection to a server comes about (ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, among others), or its name is unknown.
        public static let unreachable = Kind(cause: .unreachable)
        /// A device that the kernel should have is not there: its module is not loaded, or `/dev` is not the machine's own.
        public static let noDevice = Kind(cause: .noDevice)
        /// Out of descriptors, memory, processes or mounts (EMFILE, ENFILE, ENOMEM, EAGAIN).
        public static let resourceLimit = Kind(cause: .resourceLimit)
        /// The kernel or the file system cannot do this (ENOSYS, EOPNOTSUPP).
        public static let notSupported = Kind(cause: .notSupported)
        /// The operation reported success, and reading back showed something else.
        public static let notVerified = Kind(cause: .notVerified)
        /// The device failed (EIO).
        public static let inputOutput = Kind(cause: .inputOutput)
        /// A program ended with a status that means failure; the detail has what it said.
        public static let programFailed = Kind(cause: .programFailed)
        /// A device that was to be formatted holds something, or nobody can tell.
        public static let notBlank = Kind(cause: .notBlank)
        /// The file system needs a repair that only a human may order (EUCLEAN).
        public static let damaged = Kind(cause: .damaged)
        /// The task that asked was cancelled; what was half done has been undone.
        public static let cancelled = Kind(cause: .cancelled)
        /// A fake host was told to crash here; nothing happens any more until it is restarted.
        public static let crashed = Kind(cause: .crashed)
        /// None of the others; ``HostError/errno`` says more.
        public static let other = Kind(cause: .other)

        private init(cause: Cause) {
            self.cause = cause
        }

        /// The kind that ``name`` names.
        init?(name: String) {
            guard let cause = Cause(rawValue: name) else { return nil }
            self.init(cause: cause)
        }

        /// What stands for it in a message to a process of this program.
        var name: String { cause.rawValue }

        /// The kind of a kernel error number.
        public init(errno: Errno) {
            let cause: Cause =
                switch errno {
                case .noSuchFileOrDirectory: .notFound
                case .fileExists: .alreadyExists
                case .directoryNotEmpty: .notEmpty
                case .notDirectory: .notDirectory
                case .isDirectory: .isDirectory
                case .noSpace, .diskQuotaExceeded: .noSpace
                case .resourceBusy, .textFileBusy: .busy
                case .permissionDenied, .notPermitted: .permissionDenied
                case .readOnlyFileSystem: .readOnlyFileSystem
                case .tooManySymbolicLinkLevels: .symbolicLink
                case .improperLink: .crossesMount
                case .fileNameTooLong: .invalidPath
                case .invalidArgument: .invalidArgument
                case .fileTooLarge, .overflow: .tooLarge
                case .timedOut: .timedOut
                case .staleNFSFileHandle, .socketNotConnected, .operationNotSupportedByDevice, .hostIsDown,
                    .socketShutdown:
                    .stale
                case .connectionRefused, .connectionReset, .connectionAbort, .noRouteToHost, .networkUnreachable,
                    .networkDown, .networkReset, .brokenPipe:
                    .unreachable
                case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .resourceTemporarilyUnavailable:
                    .resourceLimit
                case .noFunction, .notSupported, .notSupportedOnSocket: .notSupported
                case .ioError: .inputOutput
                // EUCLEAN, which has no name in SystemPackage.
                case Errno(rawValue: 117): .damaged
                default: .other
                }
            self.init(cause: cause)
        }
    }
}
