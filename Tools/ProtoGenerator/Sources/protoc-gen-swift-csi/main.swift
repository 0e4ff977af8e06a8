import Glibc

/// Everything on standard input.
func readInput() -> [UInt8] {
    var input: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(STDIN_FILENO, &chunk, chunk.count)
        guard count > 0 else { return input }
        input += chunk[..<count]
    }
}

/// Writes all of `output` to standard output, or says that it could not.
func writeOutput(_ output: [UInt8]) -> Bool {
    var rest = output[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { bytes in write(STDOUT_FILENO, bytes.baseAddress, bytes.count) }
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
    }
    return true
}

exit(writeOutput(Generator.respond(to: readInput())) ? EXIT_SUCCESS : EXIT_FAILURE)
