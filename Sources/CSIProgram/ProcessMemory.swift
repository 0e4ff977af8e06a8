import Glibc

/// The memory of this process.
enum ProcessMemory {
    /// A part of the address space that shows a file as it is.
    struct Mapping: Hashable {
        let start: UInt
        let end: UInt
    }

    /// How much of files may stay mapped after a burst of calls: what a program at rest has, and some more.
    private static let mappedLimit = 8 << 20

    /// Gives up what starting has mapped of the program and its libraries, once `delay` has passed, and after that what calls have
    /// mapped, where it has become much.
    ///
    /// What is needed again is mapped again, from the page cache as long as it is there. The kernel keeps mapped code in memory longer
    /// than other files, and a node's program runs most of it only once.
    ///
    /// - Parameter interval: how often is looked after the start.
    static func settle(after delay: Duration, every interval: Duration) async {
        guard (try? await Task.sleep(for: delay)) != nil else { return }
        giveUpUnchangedFiles()
        while (try? await Task.sleep(for: interval)) != nil {
            if mappedFileBytes(ProcessFile.bytes("statm")) > mappedLimit { giveUpUnchangedFiles() }
        }
    }

    /// How much of files is mapped, by the third number of `statm`, in pages.
    static func mappedFileBytes(_ statm: [UInt8]) -> Int {
        let fields = statm.split(separator: UInt8(ascii: " "))
        guard fields.count > 2, let pages = Int(String(decoding: fields[2], as: UTF8.self)) else { return 0 }
        let (bytes, overflow) = pages.multipliedReportingOverflow(by: Int(sysconf(CInt(_SC_PAGESIZE))))
        return overflow ? 0 : bytes
    }

    static func giveUpUnchangedFiles() {
        for mapping in unchangedFiles(ProcessFile.bytes("smaps")) {
            guard let start = UnsafeMutableRawPointer(bitPattern: mapping.start) else { continue }
            // Nothing is lost by it: the mapping is private, cannot be written, and has no page of its own.
            _ = madvise(start, Int(mapping.end - mapping.start), MADV_DONTNEED)
        }
    }

    /// The mappings of files that cannot be written and have no page that differs from its file, as relocated data has.
    static func unchangedFiles(_ smaps: [UInt8]) -> [Mapping] {
        var found: [Mapping] = []
        var current: Mapping?
        for line in smaps.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard let first = fields.first else { continue }
            if first.hasSuffix(":") {
                if first == "Anonymous:", let mapping = current {
                    if fields.dropFirst().first == "0" { found.append(mapping) }
                    current = nil
                }
                continue
            }
            current = nil
            let ends = first.split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard fields.count >= 6, fields[1].hasPrefix("r-"), fields[1].hasSuffix("p"), fields[5].hasPrefix("/")
            else { continue }
            if ends.count == 2, ends[0] < ends[1] { current = Mapping(start: ends[0], end: ends[1]) }
        }
        return found
    }
}
