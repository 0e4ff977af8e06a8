import CSIHost
import SystemPackage
import Testing

@Suite("Host vocabulary: errors and options")
struct VocabularyTests {
    @Test(arguments: [
        (Errno.noSuchFileOrDirectory, HostError.Kind.notFound), (.fileExists, .alreadyExists), (.noSpace, .noSpace),
        (.diskQuotaExceeded, .noSpace), (.resourceBusy, .busy), (.readOnlyFileSystem, .readOnlyFileSystem),
        (.tooManySymbolicLinkLevels, .symbolicLink), (.improperLink, .crossesMount),
        (.permissionDenied, .permissionDenied),
        (.notPermitted, .permissionDenied), (.staleNFSFileHandle, .stale), (.directoryNotEmpty, .notEmpty),
        (.timedOut, .timedOut), (.tooManyOpenFiles, .resourceLimit), (.fileNameTooLong, .invalidPath),
        (Errno(rawValue: 4095), .other),
    ])
    func `error numbers become kinds`(errno: Errno, kind: HostError.Kind) {
        #expect(HostError(.rename, at: "/x", errno: errno).kind == kind)
    }

    @Test
    func `an error is one line that names operation, path, cause and remedy`() {
        let error = HostError(.unmount, at: "/var/lib/a\nb\u{1b}[31m\"", errno: .resourceBusy, detail: "see fuser -vm")
        #expect(
            error.description
                == #"cannot unmount "/var/lib/a\u{a}b\u{1b}[31m\"": Device or resource busy (errno 16); see fuser -vm"#)
        let refused = HostError(.bindMount, at: nil, kind: .invalidPath)
        #expect(refused.description == "cannot bind mount: invalid path")
        let link = HostError(.openDirectory, at: "/a", errno: .tooManySymbolicLinkLevels)
        #expect(link.description == "cannot open directory \"/a\": symbolic link refused")
    }

    @Test
    func `a very long path is shortened in the description`() {
        let long = FilePath("/" + String(repeating: "x", count: 100_000))
        #expect(HostError(.list, at: long, kind: .busy).description.count < 2000)
    }

    @Test(
        arguments: [
            (["ro"], BindOptions.readOnly), (["rw"], []),
            (["ro,noexec", "nosuid"], [.readOnly, .noExec, .noSetUserID]),
            (["defaults", "relatime", "bind"], []),
            (["nodev", "noatime", "nodiratime"], [.noDevices, .noAccessTime, .noDirectoryAccessTime]),
            ([], []), (["", ","], []),
        ] as [([String], BindOptions)])
    func `mount flags are understood`(flags: [String], options: BindOptions) throws {
        #expect(try BindOptions(mountFlags: flags) == options)
        #expect(try BindOptions(mountFlags: options.mountFlags) == options)
    }

    @Test(arguments: [
        (["ro", "vers=4.1"], "vers=4.1"), (["noatime", "strictatime"], "noatime,strictatime"), (["RO"], "RO"),
    ])
    func `mount flags of other mounts are refused by name`(flags: [String], refused: String) {
        #expect(throws: UnknownMountFlag(flag: refused)) { try BindOptions(mountFlags: flags) }
        #expect(UnknownMountFlag(flag: refused).description.contains("\"\(refused)\""))
    }
}
