import CSIProgram
import Testing

@Suite struct ProgramTaskTests {
    @Test func theProcessEndsWithTheStatusOfItsWork() async {
        await #expect(processExitsWith: .exitCode(7)) {
            ProgramTask.run {
                // Also after it was suspended.
                await Task.yield()
                return 7
            }
        }
    }
}
