import Glibc
import SystemPackage
import Testing

@testable import CSIHost

@Suite("A lock that lasts as long as a program")
struct KeptDescriptorTests {
    @Test
    func `the program holds it when the caller no longer does`() async throws {
        var template = Array("/tmp/swift-csi-kept-XXXXXX".utf8CString)
        let kept = mkstemp(&template)
        let path = FilePath(platformString: template).string
        defer { unlink(path) }
        try #require(kept >= 0 && flock(kept, LOCK_EX) == 0)
        let end = "\(path).end"
        defer { unlink(end) }
        let script = "echo begun >\(path); ls /proc/$$/fd; while [ ! -e \(end) ]; do sleep 0.02; done"
        async let outcome = LinuxPrograms().run(Program("sh", ["-c", script]), within: .seconds(60), keeping: kept)

        let other = open(path, O_RDWR | O_CLOEXEC)
        defer { close(other) }
        let begin = ContinuousClock.now
        while lseek(other, 0, SEEK_END) == 0, begin.duration(to: .now) < .seconds(30) { usleep(1000) }
        close(kept)
        #expect(flock(other, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        close(open(end, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
        let said = try await outcome
        #expect(said.succeeded && said.standardOutput == "0\n1\n2\n3\n")
        #expect(flock(other, LOCK_EX | LOCK_NB) == 0)
    }
}
