import ArgumentParser
import CSIProgram

@main
enum CsictlProgram {
    static func main() {
        // Several, since some commands call from many tasks at once.
        ProgramTask.run(threads: 16) {
            await CsictlCommand.main(nil)
            return 0
        }
    }
}
