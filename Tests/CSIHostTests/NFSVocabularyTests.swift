import SystemPackage
import Testing

@testable import CSIHost

@Suite("Words of NFS mounts")
struct NFSVocabularyTests {
    @Test(
        "Servers and paths that can be used",
        arguments: [
            ("nfs.example", "/export", "nfs.example:/export"), ("10.0.0.1", "/", "10.0.0.1:/"),
            ("fd00::1", "/a b", "[fd00::1]:/a b"), ("[fd00::1]", "/x/", "[fd00::1]:/x"),
            ("fe80::1%eth0", "/./x//y", "[fe80::1%eth0]:/x/y"), ("my_host-1", "/ex:port", "my_host-1:/ex:port"),
        ])
    func locations(server: String, path: String, text: String) throws {
        #expect(try NFSLocation(server: server, path: FilePath(path)).description == text)
    }

    @Test(
        "Servers and paths that cannot",
        arguments: [
            ("", "/x", InvalidNFSLocation.Part.server), ("a b", "/x", .server), ("a\n", "/x", .server),
            ("-o", "/x", .server), ("a,b", "/x", .server), ("[a]", "/x", .server), ("fd00::1]", "/x", .server),
            ("::g", "/x", .server), ("::1%", "/x", .server), ("a..b", "/x", .server), ("a/b", "/x", .server),
            ("a", "x", .path), ("a", "/x/../y", .path), ("a", "/x\ny", .path), ("a", "/\u{7f}", .path),
            (String(repeating: "a", count: 300), "/x", .server),
            ("a", "/" + String(repeating: "x", count: 2000), .path),
        ])
    func badLocations(server: String, path: String, part: InvalidNFSLocation.Part) {
        let error = #expect(throws: InvalidNFSLocation.self) { try NFSLocation(server: server, path: FilePath(path)) }
        #expect(error?.part == part)
        #expect(error?.description.contains("\n") == false)
    }

    @Test("Options in one spelling and order, with what they ask for")
    func options() throws {
        let options = try NFSMountOptions(mountFlags: ["nfsvers=4.1,hard", "noatime", "_netdev", "sec=krb5p", "ro"])
        #expect(options.text == "hard,sec=krb5p,vers=4.1")
        #expect(options.flags == [.noAccessTime, .readOnly])
        #expect(options.version == "4.1")
        #expect(options.forDriver.flags == [])
        #expect(try NFSMountOptions(mountFlags: ["vers=3", "vers=4.2"]).text == "vers=4.2")
        #expect(try NFSMountOptions(mountFlags: ["xprtsec=mtls"]).text == "xprtsec=mtls")
        #expect(try NFSMountOptions(mountFlags: []).text == "")
    }

    @Test(
        "Options that are refused",
        arguments: [
            "addr=1.2.3.4", "mountaddr=1.2.3.4", "vers=2", "vers", "hard,soft", "bg", "retry=3", "rsize=many", "rsize",
            "sec=sys:krb5", "sec=", "xprtsec=on", "proto=sctp", "nosuch", "context=x", "lock,nolock", "vers=4.1,nolock",
            "vers=4,udp", "clientaddr=host", "hard=1", "noatime,strictatime", "bind", "remount",
        ])
    func badOptions(text: String) {
        #expect(throws: UnsupportedOption.self) { try NFSMountOptions(mountFlags: [text]) }
    }

    @Test("mount.nfs is needed for the locks of NFS 3 alone")
    func program() throws {
        #expect(try NFSMountOptions(mountFlags: ["vers=3"]).needsProgram)
        for text in ["vers=3,nolock", "vers=3,local_lock=all", "vers=4.2", ""] {
            #expect(try !NFSMountOptions(mountFlags: text.isEmpty ? [] : [text]).needsProgram)
        }
    }
}

@Suite("Messages between a host and its helpers")
struct HelperMessageTests {
    private static func requests() throws -> [HelperRequest] {
        let location = try NFSLocation(server: "fd00::1", path: "/a b")
        let options = try NFSMountOptions(mountFlags: ["ro", "vers=3", "nolock"])
        var policy = UnmountPolicy.detaching(after: .milliseconds(1500))
        policy.forces = true
        return [
            .openExport(location, options, .never), .openDirectory("/x"), .close,
            .mount(location, "/t", options, .auto),
            .bindMount("/s", "/t", [.readOnly, .noExec]), .unmount("/t", policy),
            .copyTree(.init(location: location, options: options, use: .always), "a", "b", .required),
            .copyTree(nil, "", "b", .preferred), .trees(treeRequests), .trees([]),
        ] + treeRequests.map { .trees([$0]) }
    }

    private static let treeRequests: [TreeRequest] = [
        .createDirectory("d", [.ownerReadWriteExecute]), .metadata(""), .list("x", limit: 7), .readFile("x", limit: 8),
        .writeFile("x", [0, 1, 255], [.ownerRead], replacing: false), .rename("a", "b", replacing: true),
        .syncDirectory("x"), .syncTree("x"), .removeFile("x"), .removeDirectory("x"), .removeTree("x"),
        .setPermissions("x", [.setUserID]), .setOwner("x", nil, 7), .capacity, .unpack("a", "b"),
        .readFileIfPresent("x", limit: 9),
    ]

    @Test("What is asked arrives as it was asked, and no part of it is taken for the whole")
    func roundTrip() throws {
        for request in try Self.requests() {
            let bytes = request.bytes
            let read = try HelperRequest(parsing: bytes)
            #expect("\(read)" == "\(request)")
            #expect(read.bytes == bytes)
            for length in 0..<bytes.count {
                #expect(throws: HelperReader.Malformed.self) { try HelperRequest(parsing: Array(bytes.prefix(length))) }
            }
        }
        #expect(throws: HelperReader.Malformed.self) { try HelperRequest(parsing: [99]) }
    }

    @Test("Errors arrive with all that they say")
    func errors() throws {
        let errors = [
            HostError(.mount, at: "/x", errno: .staleNFSFileHandle, detail: "why"),
            HostError(.removeTree, at: nil, kind: .unreachable), HostError(.unpack, at: "a", kind: .programFailed),
        ]
        for error in errors {
            var writer = HelperWriter()
            writer.write(error)
            var reader = HelperReader(writer.bytes)
            #expect(try reader.error() == error)
        }
    }
}
