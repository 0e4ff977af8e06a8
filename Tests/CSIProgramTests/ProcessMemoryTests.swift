import Glibc
import Testing

@testable import CSIProgram

@Suite struct ProcessMemoryTests {
    private func mapping(_ header: String, anonymous: String) -> String {
        "\(header)\nSize: 8 kB\nRss: 8 kB\nAnonymous: \(anonymous) kB\nVmFlags: rd mr mw me\n"
    }

    @Test(arguments: [
        ("55d0a000-55d0c000 r-xp 00001000 fe:00 7 /usr/bin/csi-node", "0", true),
        ("55d0a000-55d0c000 r--p 00001000 fe:00 7 /usr/bin/csi-node", "0", true),
        ("55d0a000-55d0c000 r--p 00001000 fe:00 7 /usr/bin/a name", "0", true),
        // Relocated and made read-only after it.
        ("55d0a000-55d0c000 r--p 00001000 fe:00 7 /usr/bin/csi-node", "4", false),
        ("55d0a000-55d0c000 rw-p 00001000 fe:00 7 /usr/bin/csi-node", "0", false),
        ("55d0a000-55d0c000 r--s 00001000 fe:00 7 /usr/bin/csi-node", "0", false),
        ("55d0a000-55d0c000 r--p 00000000 00:00 0 [vvar]", "0", false),
        ("55d0a000-55d0c000 r--p 00000000 00:00 0", "0", false),
        ("55d0c000-55d0a000 r--p 00001000 fe:00 7 /usr/bin/csi-node", "0", false),
    ])
    func onlyWhatShowsAFileAsItIsCanBeGivenUp(header: String, anonymous: String, can: Bool) {
        let smaps =
            mapping("1000-2000 rw-p 00000000 00:00 0 [heap]", anonymous: "4") + mapping(header, anonymous: anonymous)
        let expected = can ? [ProcessMemory.Mapping(start: 0x55d0_a000, end: 0x55d0_c000)] : []
        #expect(ProcessMemory.unchangedFiles(Array(smaps.utf8)) == expected)
    }

    @Test(arguments: [
        ("2000 1000 300 1 0 500 0\n", 300), ("", 0), ("1 2", 0), ("1 2 x", 0), ("1 2 9223372036854775807", 0),
    ])
    func whatIsMappedOfFilesIsCountedInPages(statm: String, pages: Int) {
        #expect(ProcessMemory.mappedFileBytes(Array(statm.utf8)) == pages * sysconf(CInt(_SC_PAGESIZE)))
    }

    @Test func theProgramRunsOnWithoutWhatItGaveUp() {
        let before = residentFileKilobytes()
        ProcessMemory.giveUpUnchangedFiles()
        let after = residentFileKilobytes()
        #expect(before > 0)
        #expect(after < before)
    }

    private func residentFileKilobytes() -> Int {
        let status = String(decoding: ProcessFile.bytes("status"), as: UTF8.self)
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssFile:") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
    }
}
