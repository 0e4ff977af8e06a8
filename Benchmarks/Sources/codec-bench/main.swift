import BenchmarkMessages
import CSIProto
import Glibc

// codec-bench sizes                      the sizes of the messages
// codec-bench messages DIR               writes the messages to files, for the peers
// codec-bench run OPERATION TIMES        repeats an operation, for callgrind and allocation counters
// codec-bench time OPERATION MS          prints nanoseconds of CPU time for each operation, measured for about so long
//
// OPERATION is create-decode, create-encode, list-decode, list-encode, create-validate, attach-validate or publish-validate.

guard let job = Job(arguments: CommandLine.arguments) else {
    print("usage: codec-bench sizes | messages DIR | run OPERATION TIMES | time OPERATION MS")
    exit(64)
}
do {
    try job.perform()
} catch {
    print("codec-bench: \(error)")
    exit(EXIT_FAILURE)
}
