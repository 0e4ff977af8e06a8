import CLinux
import SystemPackage
import Testing

@testable import CSIHost

@Suite("Names of one file in a copy", .enabled(if: HostKind.attachingIsAllowed, HostKind.howToAllowAttaching))
struct LinkTableTests {
    /// How many names ext4 gives one file.
    private static let most = 65_000

    @Test func `a file gets as many names as its file system gives one, and one too many is an error`() throws {
        let rig = try LinuxRig()
        defer { rig.cleanUp() }
        let place = rig.scratch.appending("ext4")
        try rig.addFileSystem("ext4", at: place)
        // Two more, and the one of the table.
        try rig.run([
            "python3", "-c",
            """
            import os, sys
            os.chdir(sys.argv[1])
            os.mkdir("names")
            open("first", "wb").close()
            for index in range(1, int(sys.argv[2]) - 2): os.link("first", f"names/{index}")
            """, place.string, "\(Self.most)",
        ])
        let site = CallSite(.copyTree, at: place)
        let top = try Resolution.absolute.open(place, CLINUX_O_READ_DIRECTORY, for: site)
        let walk = try TreeWalk(
            Resolution.absolute.open(place, CLINUX_O_READ_DIRECTORY, for: site), at: place, for: .copyTree)
        func status() throws -> statx {
            let file = try Resolution.absolute.open(place.appending("first"), CLINUX_O_PATH, for: site)
            return try site.fullStatus(of: file.raw)
        }
        let original = try status()
        #expect(original.stx_nlink == Self.most - 2)
        let table = LinkTable()
        try table.note(original, as: "first", in: walk, top: top)
        for name: FilePath.Component in ["one", "two"] {
            let isLinked = try table.link(original, as: name, in: walk)
            #expect(isLinked)
        }
        do throws(HostError) {
            _ = try table.link(original, as: "three", in: walk)
            Issue.record("a link was lost")
        } catch {
            #expect(error.description.contains("a hard link cannot be kept"))
        }
        try table.remove(at: site)
        #expect(try status().stx_nlink == Self.most)
        #expect(try names(in: place) == ["first", "lost+found", "names", "one", "two"])
    }

    private func names(in path: FilePath) throws -> [String] {
        let site = CallSite(.copyTree, at: path)
        let directory = try Resolution.absolute.open(path, CLINUX_O_READ_DIRECTORY, for: site)
        var reader = DirectoryReader()
        var names: [String] = []
        while let batch = try reader.next(directory.raw, for: site) { names += batch.map(\.name.string) }
        return names.sorted()
    }
}
