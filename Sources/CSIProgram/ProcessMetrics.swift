import CSICore
import CoreMetrics
import Glibc

/// What is measured of the process itself, by the names that Prometheus clients use everywhere.
struct ProcessMetrics: Sendable {
    private static let resident = MetricDescription(
        "process_resident_memory_bytes", help: "The memory of the process that is in RAM, in bytes.")
    private static let started = MetricDescription(
        "process_start_time_seconds", help: "When the process started, in seconds since 1970 (UTC).")
    private static let descriptors = MetricDescription(
        "process_open_fds", help: "How many descriptors the process has open.")

    static let descriptions = [resident, started, descriptors]

    private let residentMeter = Meter(label: resident.name)
    private let startedMeter = Meter(label: started.name)
    private let descriptorsMeter = Meter(label: descriptors.name)

    /// Made when the process starts.
    init() {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        startedMeter.set(now.tv_sec)
    }

    /// Two looks into `/proc/self`, which answers from memory.
    func update() {
        if let pages = Self.residentPages { residentMeter.set(pages * Int(sysconf(Int32(_SC_PAGESIZE)))) }
        if let count = Self.openDescriptors { descriptorsMeter.set(count) }
    }

    private static var residentPages: Int? {
        guard let file = fopen("/proc/self/statm", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        let fields = line.prefix { $0 != 0 && $0 != 0x0a }.split(separator: 0x20)
        guard fields.count > 1 else { return nil }
        return Int(String(decoding: fields[1].map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    private static var openDescriptors: Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Without `.`, `..` and the directory's own.
        return max(0, count - 3)
    }
}
